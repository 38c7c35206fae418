package gateway

import (
	"net/http"
	"net/url"
	"strings"
)

// asWritten returns r with a target that can be sent on, and a path that
// url.URL.EscapedPath returns as the caller wrote it. A space in the query, which
// HTTP/2 can carry, would end the target in a request line of HTTP/1.1: it is
// escaped.
func asWritten(r *http.Request) *http.Request {
	path, query := pathAsWritten(r.URL), strings.ReplaceAll(r.URL.RawQuery, " ", "%20")
	if path == r.URL.RawPath && query == r.URL.RawQuery {
		return r
	}
	own, at := *r, *r.URL
	at.RawPath, at.RawQuery = path, query
	own.URL = &at
	return &own
}

// pathAsWritten returns RawPath as it must be for EscapedPath to return it. If
// one byte of a path should have been escaped and is not, net/url forgets how all
// of it was written: %2F would become a slash, and %2e%2e a parent. Such bytes,
// and only they, are escaped here.
func pathAsWritten(u *url.URL) string {
	if u.RawPath == "" || u.EscapedPath() == u.RawPath {
		return u.RawPath
	}
	escaped := escapeRest(u.RawPath)
	if path, err := url.PathUnescape(escaped); err != nil || path != u.Path {
		return u.RawPath // somebody has changed Path since, but not RawPath
	}
	return escaped
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
