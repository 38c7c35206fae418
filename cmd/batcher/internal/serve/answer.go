package serve

import (
	"net/http"
	"time"
)

// steadyAnswer is an answer that fails when the client does not take its next
// part in time: else a client could hold a place by reading nothing. However
// long it takes as a whole is not its business.
type steadyAnswer struct {
	http.ResponseWriter
	conn   *http.ResponseController
	most   time.Duration
	body   *steadyBody // of the request; nil is none
	duplex bool        // it may begin before the body's end
}

// answerPart is how much a client must take within the time.
const answerPart = 64 << 10

// steadily serves r, with this body, with an answer that must be taken steadily.
func steadily(h http.Handler, w http.ResponseWriter, r *http.Request, body *steadyBody, most time.Duration) {
	a := &steadyAnswer{ResponseWriter: w, conn: http.NewResponseController(w), most: most, body: body}
	if r.ProtoMajor < 2 {
		a.free() // of the deadline of the request before; a stream has none
	}
	h.ServeHTTP(a, r)
	a.limit() // for what the server holds back until now
}

// Not all that serves requests can set a deadline; then there is none.
func (a *steadyAnswer) limit() { _ = a.conn.SetWriteDeadline(time.Now().Add(a.most)) }

// free ends the deadline between two parts: there the client waits.
func (a *steadyAnswer) free() { _ = a.conn.SetWriteDeadline(time.Time{}) }

// EnableFullDuplex is for http.ResponseController.
func (a *steadyAnswer) EnableFullDuplex() error {
	a.duplex = true
	return a.conn.EnableFullDuplex()
}

// WriteHeader tells the body that the answer begins, which may be before its end.
func (a *steadyAnswer) WriteHeader(status int) {
	if status >= http.StatusOK && a.duplex && a.body != nil {
		a.body.answered()
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *steadyAnswer) Write(p []byte) (n int, err error) {
	defer a.free()
	for {
		a.limit()
		written, err := a.ResponseWriter.Write(p[:min(len(p), answerPart)])
		n, p = n+written, p[written:]
		if err != nil || len(p) == 0 {
			return n, err
		}
	}
}

// FlushError is what http.ResponseController calls for Flush.
func (a *steadyAnswer) FlushError() error {
	a.limit()
	defer a.free()
	return a.conn.Flush()
}

// Unwrap is for http.ResponseController too.
func (a *steadyAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
