package gateway

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
)

// Key is what all items of a batch have in common: they become one upstream
// request with this method, path, query and header. It is comparable, and
// another process can use all that it holds.
type Key struct {
	Method      string
	Path        string // escaped, as the caller wrote it
	Query       string // without the question mark, as the caller wrote it
	ContentType string
	Fields      string // the headers that matter: see Header
	Shape       string // see Call
	Alone       string `json:",omitempty"` // of a call that is Alone: random, so no other's key is equal
}

// Header returns the headers that matter to the batch, without Content-Type.
// The caller owns it.
func (k Key) Header() http.Header {
	h := make(http.Header)
	for line := range strings.Lines(k.Fields) {
		if name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ":"); ok {
			h[name] = append(h[name], value)
		}
	}
	return h
}

// fields writes the named headers as Key.Fields holds them, a line for each
// value. names are sorted and canonical. No value that came over HTTP holds a line
// break, but one that a handler has set may: a NUL takes its place, with which
// net/http does not send it either.
func fields(h http.Header, names []string) string {
	var b strings.Builder
	for _, name := range names {
		for _, value := range h[name] {
			b.WriteString(name)
			b.WriteByte(':')
			b.WriteString(strings.ReplaceAll(value, "\n", "\x00"))
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// canonical returns names in the form that fields needs.
func canonical(names []string) []string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = http.CanonicalHeaderKey(name)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// keyOf returns the key of a call. matter are the headers that the route names,
// canonical.
func keyOf(r *http.Request, c *Call, matter []string) Key {
	k := Key{Method: c.Method, Path: c.Path, Query: c.Query, ContentType: c.ContentType, Shape: c.Shape}
	if k.Method == "" {
		k.Method, k.Path, k.Query = r.Method, r.URL.EscapedPath(), r.URL.RawQuery
	}
	if k.ContentType == "" {
		k.ContentType = "application/json"
	}
	if len(c.Headers) > 0 {
		matter = canonical(slices.Concat(matter, c.Headers))
	}
	k.Fields = fields(r.Header, matter)
	if c.Alone {
		k.Alone = rand.Text()
	}
	return k
}
