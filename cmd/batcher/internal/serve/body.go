package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobatcher/batcher/gateway"
)

// steadyBody is a request's body that fails when its next part does not come
// in time: else a client could hold a place by sending nothing. It does not limit
// how long the whole takes.
type steadyBody struct {
	io.ReadCloser
	ctx    context.Context         // of the request
	conn   http.ResponseController // a value, which saves an allocation
	most   time.Duration
	stream bool // of HTTP/2

	mu    sync.Mutex // guards what follows, and the deadline
	whole bool       // it has been read to its end
	last  bool       // its answer ends the connection
	ended bool       // nobody may read any more, nor set a deadline
}

// steady returns a copy of r with a steadyBody, and that body; without a body it
// returns r and nil. It copies r because net/http, before it answers, looks at the
// body of its own request to see how much is left, and knows only its own type.
// Over HTTP/1 it reads what is left, whether or not a handler has read any: so the
// time of the first part begins now.
func steady(w http.ResponseWriter, r *http.Request, most time.Duration) (*http.Request, *steadyBody) {
	if r.ContentLength == 0 {
		return r, nil
	}
	own := &struct { // one allocation for both
		r    http.Request
		body steadyBody
	}{r: *r, body: steadyBody{ReadCloser: r.Body, ctx: r.Context(), conn: *http.NewResponseController(w), most: most, stream: r.ProtoMajor >= 2}}
	body := &own.body
	if !body.stream {
		body.limit(most)
	}
	own.r.Body = body
	return &own.r, body
}

// limit sets a deadline, or none for zero, and reports whether that is possible:
// not every ResponseWriter can. b.mu is held, unless nobody else has b yet.
func (b *steadyBody) limit(most time.Duration) bool {
	var end time.Time
	if most > 0 {
		end = time.Now().Add(most)
	}
	return b.conn.SetReadDeadline(end) == nil
}

func (b *steadyBody) Read(p []byte) (int, error) {
	limited, err := b.begin(b.most)
	if err != nil {
		return 0, err
	}
	n, err := b.ReadCloser.Read(p)
	late := limited && errors.Is(err, os.ErrDeadlineExceeded)
	b.pause(limited && !late, err)
	if late {
		return n, gateway.Errorf(http.StatusRequestTimeout, "the body does not go on")
	}
	return n, err
}

// begin sets the deadline of a read.
func (b *steadyBody) begin(most time.Duration) (limited bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return false, http.ErrBodyReadAfterClose
	}
	return b.limit(most), nil
}

// pause follows a read, and may remove the deadline: the server goes on listening
// for the end of the connection, and must not take the end of the deadline for
// it; a stream's deadline ends its body even while nobody reads.
func (b *steadyBody) pause(free bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.whole = b.whole || err == io.EOF
	if free && !b.ended && (err != nil || b.stream) {
		b.limit(0)
	}
}

// answered notes whether an answer that begins now is the last one of its
// connection, as the gateway makes it where some of the body is left.
func (b *steadyBody) answered() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = !b.stream && !b.whole
}

// lingerTime is how long the next part of a body may take after its answer.
const lingerTime = time.Second

// linger follows an answer over HTTP/1, which is the last of its connection if
// there is more to come of b than net/http reads by itself. Many clients look for
// an answer only when they have sent all: they would find the connection reset. So
// what comes is read and dropped, for as long as one part of a body may take, but
// not while the gateway ends. A body that was passed through is closed, and ends
// this at once.
func (b *steadyBody) linger(ending *atomic.Bool) {
	_, _ = io.Copy(io.Discard, rest{b, time.Now().Add(b.most), ending}) // its buffer is reused: most have nothing left
}

// rest is what comes of a body after its answer.
type rest struct {
	*steadyBody
	over   time.Time
	ending *atomic.Bool
}

func (r rest) Read(p []byte) (int, error) {
	if r.ending.Load() || !time.Now().Before(r.over) {
		return 0, io.EOF
	}
	if limited, err := r.begin(min(r.most, lingerTime)); !limited || err != nil {
		return 0, io.EOF
	}
	return r.ReadCloser.Read(p)
}

// unread reports whether linger may find something to read.
func (b *steadyBody) unread() bool {
	if b == nil || b.stream {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.whole
}

// end cuts b off from the connection when the handler has returned: a transport
// that passes the body on may still read it, if the upstream answers before it has
// all of it. net/http reads the rest without a deadline, so the one set here is the
// only one that the connection has.
func (b *steadyBody) end() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
	if conn, ok := b.ctx.Value(connKey{}).(net.Conn); ok && b.last && !b.whole {
		time.AfterFunc(b.most, func() { _ = conn.Close() }) // it may be closed
	}
}

// connKey is that of a connection in the contexts of its requests.
type connKey struct{}

// withConn leaves out TLS: a timer may hold the connection for a while after its end, and
// its buffers with it.
func withConn(ctx context.Context, conn net.Conn) context.Context {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	return context.WithValue(ctx, connKey{}, conn)
}
