package serve

import (
	"net/http"
	"sync/atomic"
	"time"
)

// steadyAnswer is an answer that fails when the client does not take its next
// part in time: else a client could hold a place by reading nothing. It does not
// limit how long the whole takes.
type steadyAnswer struct {
	http.ResponseWriter
	conn   http.ResponseController // a value, which saves an allocation
	most   time.Duration
	body   *steadyBody  // of the request; nil is none
	last   *atomic.Bool // an answer that begins when this is true ends its connection
	duplex bool         // the answer may begin before the end of the body
}

// answerPart is how much a client must take within the time.
const answerPart = 64 << 10

// steadily has h serve r, whose body is body, with a steadyAnswer.
func (s *server) steadily(h http.Handler, w http.ResponseWriter, r *http.Request, body *steadyBody) {
	a := &steadyAnswer{ResponseWriter: w, conn: *http.NewResponseController(w), most: s.first.Limits.AnswerTime, body: body, last: &s.closed}
	if r.ProtoMajor < 2 {
		a.free() // the deadline of the request before; a stream has none
	}
	h.ServeHTTP(a, r)
	a.begin() // if it is empty
	if body.unread() && a.FlushError() == nil {
		body.linger(a.last)
	}
	if r.ProtoMajor < 2 || r.Context().Err() == nil {
		a.limit() // for what the server has buffered; that of a stream that was reset would hold it until then
	}
}

// begin comes before an answer, when its header is still to be sent. Later it has no
// effect.
func (a *steadyAnswer) begin() {
	if a.last.Load() {
		a.Header().Set("Connection", "close")
	}
}

// limit sets the deadline of the next part. Not every ResponseWriter can set one;
// then there is none.
func (a *steadyAnswer) limit() { _ = a.conn.SetWriteDeadline(time.Now().Add(a.most)) }

// free removes the deadline between two parts, while the client waits for us.
func (a *steadyAnswer) free() { _ = a.conn.SetWriteDeadline(time.Time{}) }

// EnableFullDuplex is for http.ResponseController.
func (a *steadyAnswer) EnableFullDuplex() error {
	a.duplex = true
	return a.conn.EnableFullDuplex()
}

// WriteHeader tells the body that the answer begins, which may be before its end.
// Informational answers come before it.
func (a *steadyAnswer) WriteHeader(status int) {
	if status >= http.StatusOK {
		a.begin()
	}
	if status >= http.StatusOK && a.duplex && a.body != nil {
		a.body.answered()
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *steadyAnswer) Write(p []byte) (n int, err error) {
	defer a.free()
	a.begin()
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
	a.begin()
	a.limit()
	defer a.free()
	return a.conn.Flush()
}

// Unwrap is for http.ResponseController too.
func (a *steadyAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
