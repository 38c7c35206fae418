package gateway

import "regexp"

// unquoted is an error of net/http without what it quotes of an answer that is no
// HTTP: all callers of a batch would see that, and logs keep it, but it may be one
// caller's secret.
type unquoted struct{ error }

// quotes matches what stands in quotation marks, and lines of a header, which
// before Go 1.26 stand without.
var quotes = regexp.MustCompile(`(MIME header (?:initial )?line: ).*|"(?:[^"\\]|\\.)*"`)

func (u unquoted) Error() string { return quotes.ReplaceAllString(u.error.Error(), `${1}"…"`) }

func (u unquoted) Unwrap() error { return u.error }
