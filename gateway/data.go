package gateway

import (
	"encoding/json"
	"net/http"
	"strings"
	"unicode/utf8"
)

// This file lets keys, outcomes and errors pass through encoding/json without a
// loss. HTTP allows bytes in headers and queries that are not UTF-8, in whose
// place encoding/json writes U+FFFD: two tenants would become one. So each byte
// over 127 is written as the character of that number, as in ISO 8859-1.

// MarshalJSON writes k so that UnmarshalJSON restores it exactly.
func (k Key) MarshalJSON() ([]byte, error) {
	type plain Key
	return json.Marshal(plain(k.each(widened)))
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (k *Key) UnmarshalJSON(text []byte) error {
	type plain Key
	err := json.Unmarshal(text, (*plain)(k))
	*k = k.each(narrowed)
	return err
}

func (k Key) each(change func(string) string) Key {
	return Key{Method: change(k.Method), Path: change(k.Path), Query: change(k.Query), ContentType: change(k.ContentType), Fields: change(k.Fields), Shape: change(k.Shape), Alone: k.Alone}
}

// MarshalJSON writes b so that UnmarshalJSON restores it exactly.
func (b Batch) MarshalJSON() ([]byte, error) {
	type plain Batch
	b.Header = eachValue(b.Header, widened)
	return json.Marshal(plain(b))
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (b *Batch) UnmarshalJSON(text []byte) error {
	type plain Batch
	err := json.Unmarshal(text, (*plain)(b))
	b.Header = eachValue(b.Header, narrowed)
	return err
}

// MarshalJSON writes e so that UnmarshalJSON restores it exactly.
func (e Error) MarshalJSON() ([]byte, error) {
	type plain Error
	e.Header = eachValue(e.Header, widened)
	return json.Marshal(plain(e))
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (e *Error) UnmarshalJSON(text []byte) error {
	type plain Error
	err := json.Unmarshal(text, (*plain)(e))
	e.Header = eachValue(e.Header, narrowed)
	return err
}

// eachValue returns a header with its values changed.
func eachValue(h http.Header, change func(string) string) http.Header {
	if h == nil {
		return nil
	}
	changed := make(http.Header, len(h))
	for name, values := range h {
		changed[name] = nil
		for _, value := range values {
			changed[name] = append(changed[name], change(value))
		}
	}
	return changed
}

// widened has a character for each byte of s.
func widened(s string) string {
	if isASCII(s) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

// narrowed has a byte for each character of s: it undoes widened.
func narrowed(s string) string {
	if isASCII(s) {
		return s
	}
	b := make([]byte, 0, len(s))
	for _, r := range s {
		b = append(b, byte(r))
	}
	return string(b)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
