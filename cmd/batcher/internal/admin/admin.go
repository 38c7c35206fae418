// Package admin serves what operators and their tools need, apart from the service
// port: /healthz, /readyz and /metrics.
package admin

import (
	"fmt"
	"net/http"
)

// Handler answers /healthz with 200 while the program runs, /readyz with 200 if
// ready returns nil and otherwise with 503 and its error, and /metrics with
// metrics.
func Handler(ready func(*http.Request) error, metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := ready(r); err != nil {
			say(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		say(w, http.StatusOK, "ok")
	})
	mux.Handle("GET /metrics", metrics)
	return mux
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprintln(w, text)
}
