package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/gobatcher/batcher/gateway/internal/jsonraw"
)

// hole stands in a text for what was cut out of it. No byte under 0x20 but
// white space is part of any JSON text.
var hole = []byte{0}

// cutOut returns text with a hole in the place of part. All else is as it was.
func cutOut(text []byte, part jsonraw.Span) []byte {
	rest := make([]byte, 0, len(text)-(part.End-part.Start)+len(hole))
	rest = append(append(rest, text[:part.Start]...), hole...)
	return append(rest, text[part.End:]...)
}

// fillHoles appends frame to dst, with what fill appends in place of each byte
// of marks.
func fillHoles(dst, frame []byte, marks string, fill func(dst []byte, mark byte) []byte) []byte {
	for {
		at := bytes.IndexAny(frame, marks)
		if at < 0 {
			return append(dst, frame...)
		}
		dst = fill(append(dst, frame[:at]...), frame[at])
		frame = frame[at+1:]
	}
}

// trim returns text without the white space around it.
func trim(text []byte) []byte { return bytes.Trim(text, " \t\r\n") }

// sizeOf is the length of all data of items.
func sizeOf(items []Item) (n int) {
	for _, item := range items {
		n += len(item.Data)
	}
	return n
}

func jsonHeader() http.Header { return http.Header{"Content-Type": {"application/json"}} }

// errState says that Reply was called with another protocol's call.
var errState = errors.New("the call is not one that Read made")

// withhold keeps an answer with a status of 300 or above from the callers of a
// batch if it holds a result for each item: each caller would see the others'.
func withhold(p Protocol, key Key, items []Item, answer Answer, e *Error) {
	if len(items) < 2 {
		return
	}
	if _, err := p.Split(key, items, answer); err == nil {
		e.Body = nil
		e.Text += ", with a result for each item"
	}
}

// decimal reads a whole number of up to 9 digits, written without sign, fraction
// and exponent.
func decimal(text []byte) (n int, ok bool) {
	if len(text) == 0 || len(text) > 9 || text[0] == '0' && len(text) > 1 {
		return 0, false
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, true
}

// imitates reports whether name is none of the known names, but a server that
// ignores case may take it for one.
func imitates(name string, known ...string) bool {
	return !slices.Contains(known, name) && slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, name) })
}

// appendString appends s, which is UTF-8, as JSON.
func appendString(dst []byte, s string) []byte {
	text, err := json.Marshal(s)
	if err != nil {
		return append(dst, `""`...) // a string: it cannot be
	}
	return append(dst, text...)
}
