// Package stub has upstreams for tests: small servers that answer as the real
// ones do, down to the order of fields, the error bodies and the headers that
// official clients look at. Each is an http.Handler, safe for concurrent use,
// and its answer to an item depends on that item alone, so a test can tell one
// caller's answer from another's.
package stub

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// answer writes a JSON body.
func answer(w http.ResponseWriter, status int, body []byte) {
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// encode returns v as JSON; it is for values that cannot fail.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
