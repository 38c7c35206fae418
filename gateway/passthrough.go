package gateway

import (
	"bufio"
	"net"
	"net/http"
	"time"
)

// passTo has another handler serve r; nil refuses it.
func passTo(w http.ResponseWriter, r *http.Request, to http.Handler, name string, observer Observer) {
	if to == nil {
		to = http.HandlerFunc(notFound)
	}
	if observer.Served == nil {
		to.ServeHTTP(w, r)
		return
	}
	seen := &statusWriter{ResponseWriter: w}
	start := time.Now()
	defer func() {
		observer.Served(r, Served{Route: name, Passed: true, Status: seen.final(r), Took: time.Since(start)})
	}()
	to.ServeHTTP(seen, r)
}

func notFound(w http.ResponseWriter, _ *http.Request) {
	Errorf(http.StatusNotFound, "nothing here is batched or passed through").write(w)
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// final gives the status that the answer to r had in the end.
func (w *statusWriter) final(r *http.Request) int {
	switch {
	case w.status >= http.StatusOK || w.status == http.StatusSwitchingProtocols:
		return w.status
	case r.Context().Err() != nil:
		return statusClientGone
	}
	return http.StatusOK // which the server sends for who wrote nothing
}

// Unwrap lets http.ResponseController reach what is wrapped: flushing,
// hijacking and deadlines work as without.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Hijack takes the connection over, for another protocol than HTTP.
func (w *statusWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.status = http.StatusSwitchingProtocols
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// WriteHeader notes the final status; informational ones come before it.
func (w *statusWriter) WriteHeader(status int) {
	if w.status < http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status < http.StatusOK {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}
