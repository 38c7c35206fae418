package gateway

import (
	"net/http"
	"net/url"
	"strings"
)

// asWritten returns r with a path that url.URL.EscapedPath returns as the caller
// wrote it. If one byte of a path should have been escaped and is not, net/url
// forgets how all of it was written: %2F would become a slash, and %2e%2e a
// parent. Such bytes, and only they, are escaped here.
func asWritten(r *http.Request) *http.Request {
	raw := r.URL.RawPath
	if raw == "" || r.URL.EscapedPath() == raw {
		return r
	}
	escaped := escapeRest(raw)
	if path, err := url.PathUnescape(escaped); err != nil || path != r.URL.Path {
		return r // somebody has changed Path since, but not RawPath
	}
	own, at := *r, *r.URL
	at.RawPath = escaped
	own.URL = &at
	return &own
}

// pathChars are what may stand in a path (RFC 3986, section 3.3, and the
// brackets that net/url allows), beside letters and digits.
const pathChars = "-._~!$&'()*+,;=:@/[]%"

func escapeRest(path string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(path) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte(pathChars, c) >= 0:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}
