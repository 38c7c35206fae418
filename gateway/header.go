package gateway

import (
	"net/http"
	"slices"
	"strings"
)

// matters are the request headers that divide batches on every route. By Origin
// an upstream decides whether pages in browsers may ask, and read its answer.
var matters = []string{"Authorization", "Origin"}

// sent are the request headers that the gateway sets itself, and Host, which is
// not in the header of a request in Go: a route cannot name them.
var sent = []string{
	"Host", "Connection", "Keep-Alive", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Expect",
	"Accept-Encoding", "Content-Encoding", "Content-Length", "Content-Type",
}

// divides reports whether the header of this name can divide a route's batches.
func divides(name string) bool {
	other := strings.Trim(name, tokenChars) // RFC 9110, section 5.6.2
	return name != "" && other == "" && !slices.Contains(sent, http.CanonicalHeaderKey(name))
}

const tokenChars = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// own are the headers of an upstream's answer to a batch that do not concern
// its callers: those of the connection (RFC 9110, section 7.6.1), those that
// describe the bytes of the whole, cookies, which would be shared, and warnings,
// which may name what another caller sent. So are those that begin with Ce-: they
// make an event of the whole, with an id that no two events may have.
var own = map[string]bool{
	"Connection": true, "Keep-Alive": true, "Proxy-Authenticate": true, "Proxy-Authorization": true, "Proxy-Connection": true,
	"Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true,
	"Accept-Ranges": true, "Content-Digest": true, "Content-Encoding": true, "Content-Length": true, "Content-Md5": true,
	"Content-Range": true, "Digest": true, "Etag": true, "Last-Modified": true, "Repr-Digest": true,
	"Alt-Svc": true, "Date": true, "Set-Cookie": true, "Warning": true,
}

// concerning returns the part of the header of an upstream's answer that
// concerns the callers of its batch.
func concerning(h http.Header) http.Header {
	kept := make(http.Header, len(h))
	for name, values := range h {
		if !own[name] && !strings.HasPrefix(name, "Ce-") {
			kept[name] = slices.Clip(values) // shared: an append must copy
		}
	}
	for _, names := range h["Connection"] {
		for name := range strings.SplitSeq(names, ",") {
			delete(kept, http.CanonicalHeaderKey(strings.TrimSpace(name)))
		}
	}
	if kept["Content-Type"] == nil {
		kept["Content-Type"] = nil // else net/http would guess one from the body
	}
	return kept
}

// loses reports whether a batch would lose a decisive header of r. It goes through
// the header instead of looking for each name, which takes 900 instructions more
// where it has two. Inlined, it would add to the stack of every call that
// waits.
//
//go:noinline
func (rt *route) loses(r *http.Request) bool {
	for name, values := range r.Header {
		if values != nil && isDecisive(name) && !slices.Contains(rt.matters, name) {
			return true
		}
	}
	return false
}

// isDecisive reports whether a request without the header of this name asks for
// something else: the conditions that hold for any method (RFC 9110, section
// 13.1), the place of a part (section 14.4), the mark of a CloudEvent whose
// attributes are in the header (HTTP Protocol Binding, section 3.1), and another
// method than that of the request, in the names that frameworks and OData know.
func isDecisive(name string) bool {
	switch name {
	case "Ce-Specversion", "Content-Range", "If-Match", "If-None-Match", "If-Unmodified-Since",
		"X-Http-Method", "X-Http-Method-Override", "X-Method-Override":
		return true
	}
	return false
}

// mayBeJSON reports whether the format that h names is based on JSON, or is what
// clients name where they are told of none. What is not may be long, and a server
// may read by its name what would pass for JSON.
func mayBeJSON(h http.Header) bool {
	switch name := formatOf(h); name {
	case "", "application/octet-stream", "application/x-www-form-urlencoded", "text/plain":
		return true
	case "application/json-rpc", "application/jsonrequest": // older names of JSON-RPC's
		return true
	default:
		return isJSON(name)
	}
}

// isJSON reports whether the format of this name is based on JSON. A letter before
// the ending tells others, such as ndjson, in which each line is a text.
func isJSON(format string) bool {
	before, ok := strings.CutSuffix(format, "json")
	return ok && strings.TrimRight(before, "abcdefghijklmnopqrstuvwxyz") == before
}

// contentType returns what Header.Get would, which takes 400 instructions more to
// put the name in canonical form.
func contentType(h http.Header) string {
	if values := h["Content-Type"]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// formatOf returns the name of the format of a body, in lower case and without
// its parameters.
func formatOf(h http.Header) string {
	name, _, _ := strings.Cut(contentType(h), ";")
	return strings.ToLower(strings.TrimSpace(name))
}

// unasked reports whether a page in a browser has sent r as something else than
// JSON, for which browsers ask no server's leave. Servers such as geth refuse it
// for that; in a batch, which is said to be JSON, they could not.
func unasked(r *http.Request) bool {
	return r.Header["Origin"] != nil && !isJSON(formatOf(r.Header))
}

// upgrades reports whether r asks for another protocol on its connection. An
// offer of HTTP/2, which some clients make with every request, asks for
// nothing (RFC 9113, section 3.1).
func upgrades(r *http.Request) bool {
	return len(r.Header["Upgrade"]) > 0 && !offersHTTP2(r.Header) && slices.ContainsFunc(r.Header["Connection"], func(v string) bool {
		return strings.Contains(strings.ToLower(v), "upgrade")
	})
}

// offersHTTP2 reports whether h2c is among the protocols that h offers.
func offersHTTP2(h http.Header) bool {
	for _, list := range h["Upgrade"] {
		for protocol := range strings.SplitSeq(list, ",") {
			name, _, _ := strings.Cut(protocol, "/")
			if strings.EqualFold(strings.TrimSpace(name), "h2c") {
				return true
			}
		}
	}
	return false
}
