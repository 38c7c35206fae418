package gateway

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// passTo lets another handler serve r; if that is nil, it refuses r.
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
		observer.Served(r, Served{Route: name, Passed: true, Status: seen.final(r), Took: time.Since(start), Err: seen.err})
	}()
	to.ServeHTTP(seen, r)
}

func notFound(w http.ResponseWriter, _ *http.Request) {
	Errorf(http.StatusNotFound, "nothing here is batched or passed through").write(w)
}

// statusWriter remembers the status of an answer, and why it is not the
// upstream's.
type statusWriter struct {
	http.ResponseWriter
	status int
	err    error
}

// explain tells the statusWriter that w wraps, if any, why an answer is not the
// upstream's.
func explain(w http.ResponseWriter, err error) {
	for {
		switch is := w.(type) {
		case *statusWriter:
			is.err = err
			return
		case interface{ Unwrap() http.ResponseWriter }:
			w = is.Unwrap()
		default:
			return
		}
	}
}

// final returns the status that the answer to r had in the end.
func (w *statusWriter) final(r *http.Request) int {
	switch {
	case w.status >= http.StatusOK || w.status == http.StatusSwitchingProtocols:
		return w.status
	case r.Context().Err() != nil:
		return statusClientGone
	}
	return http.StatusOK // which the server sends for a handler that wrote nothing
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

// passedBody is the body of a request that an HTTP passes through. If the
// gateway's own limits end it, it remembers that error: over HTTP/1 the request's
// context ends too, and that is all that the transport would report.
type passedBody struct {
	io.ReadCloser
	end  func()        // called at the end of the body
	left atomic.Int64  // bytes to come; negative: some, until the end
	turn chan struct{} // holds a value during a Read
	own  *Error        // guarded by turn
}

// unreadBody is why the body of a request could not be read to its end.
type unreadBody struct{ error }

func (u unreadBody) Unwrap() error { return u.error }

type passedKey struct{}

// withPassedBody returns r with a passedBody, which calls end at its end, when the
// trailer has come.
func withPassedBody(r *http.Request, end func()) *http.Request {
	if r.Body == nil || r.ContentLength == 0 {
		return r
	}
	body := &passedBody{ReadCloser: r.Body, end: end, turn: make(chan struct{}, 1)}
	body.left.Store(r.ContentLength)
	r = r.WithContext(context.WithValue(r.Context(), passedKey{}, body))
	r.Body = body
	return r
}

func (b *passedBody) Read(p []byte) (int, error) {
	b.turn <- struct{}{}
	defer func() { <-b.turn }()
	n, err := b.ReadCloser.Read(p)
	switch left := b.left.Load(); {
	case err == io.EOF:
		b.left.Store(0)
		b.end()
		return n, err
	case left > 0:
		b.left.Store(left - int64(n))
	}
	errors.As(err, &b.own)
	if err != nil && err != http.ErrBodyReadAfterClose {
		err = unreadBody{err}
	}
	return n, err
}

// passedAnswer is the answer over HTTP/1 to a request with such a body, or over
// HTTP/1.0. If it begins before the body's end, it is the last of its connection:
// net/http does not read the rest of the body first, which would then stand before
// the next request.
type passedAnswer struct {
	http.ResponseWriter
	body *passedBody // nil: none
	old  bool        // by HTTP/1.0, which knows no informational answers (RFC 9110, section 15.2)
}

// answerTo returns w, or a passedAnswer in front of it.
func answerTo(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
	body, _ := r.Body.(*passedBody)
	old := !r.ProtoAtLeast(1, 1)
	if old || body != nil && r.ProtoMajor < 2 {
		return &passedAnswer{w, body, old}
	}
	return w
}

func (w *passedAnswer) WriteHeader(status int) {
	if status < http.StatusOK && w.old {
		return
	}
	if status >= http.StatusOK && w.body != nil && w.body.left.Load() != 0 {
		w.Header().Set("Connection", "close")
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *passedAnswer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// lastRead is how long passedFault waits for a Read when the request's context
// has ended: a Read that ended the context is about to return.
const lastRead = 100 * time.Millisecond

// passedFault returns the gateway's own error that ended the body of r, or nil.
func passedFault(r *http.Request) error {
	b, ok := r.Context().Value(passedKey{}).(*passedBody)
	if !ok {
		return nil
	}
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-time.After(lastRead):
		return nil
	}
	if b.own == nil {
		return nil // of type error
	}
	return b.own
}
