package serve

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/gobatcher/batcher/gateway"
)

// steadyBody is a request's body that fails when its next part does not come
// in time: else a client could hold a place by sending nothing. However long
// it takes as a whole is not its business.
type steadyBody struct {
	io.ReadCloser
	conn   *http.ResponseController
	most   time.Duration
	stream bool // of HTTP/2
}

// steady gives r with a body that comes steadily. It is a copy: net/http asks
// the body of its own request, before it answers, how much of it is left, and
// knows only a body of its own. What is left it reads, over HTTP/1, whether or
// not a handler has read any of it: so the first part has its time from now.
func steady(w http.ResponseWriter, r *http.Request, most time.Duration) *http.Request {
	if r.ContentLength == 0 {
		return r
	}
	own := *r
	body := &steadyBody{r.Body, http.NewResponseController(w), most, r.ProtoMajor >= 2}
	if !body.stream {
		_ = body.limit()
	}
	own.Body = body
	return &own
}

// Not all that serves requests can set a deadline; then there is none.
func (b *steadyBody) limit() error { return b.conn.SetReadDeadline(time.Now().Add(b.most)) }

func (b *steadyBody) Read(p []byte) (int, error) {
	limited := b.limit() == nil
	n, err := b.ReadCloser.Read(p)
	switch {
	case !limited:
	case errors.Is(err, os.ErrDeadlineExceeded):
		return n, gateway.Errorf(http.StatusRequestTimeout, "the body does not go on")
	case err != nil || b.stream:
		// The server listens on for the end of the connection, and must not
		// take the end of the deadline for it; a stream's deadline ends its
		// body even while nobody reads.
		_ = b.conn.SetReadDeadline(time.Time{})
	}
	return n, err
}
