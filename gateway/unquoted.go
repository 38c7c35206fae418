package gateway

import "regexp"

// unquoted is an error of net/http, without what that quotes of an answer that
// is no HTTP: all callers of a batch read it, and logs keep it, but it may be
// one caller's secret.
type unquoted struct{ error }

var quotes = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

func (u unquoted) Error() string { return quotes.ReplaceAllLiteralString(u.error.Error(), `"…"`) }

func (u unquoted) Unwrap() error { return u.error }
