package serve

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// newcomers are connections that have not sent the head of a request yet. Once
// net/http shuts down it reads that, and closes the connection without an answer;
// the caller could not know whether to try again.
type newcomers struct {
	count atomic.Int64 // of conns: most changes of state need no lock

	mu    sync.Mutex
	conns map[net.Conn]bool // guarded by mu
	none  chan struct{}     // closed when there are none; nil: nobody waits; guarded by mu
}

// changed is told of each state of a connection.
func (n *newcomers) changed(conn net.Conn, state http.ConnState) {
	if state != http.StateNew && n.count.Load() == 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case state != http.StateNew:
		delete(n.conns, conn)
	case n.conns == nil:
		n.conns = map[net.Conn]bool{conn: true}
	default:
		n.conns[conn] = true
	}
	n.count.Store(int64(len(n.conns)))
	if n.none != nil && len(n.conns) == 0 {
		close(n.none)
		n.none = nil
	}
}

// newTime is how long a connection may be without a request at the end. It is what
// net/http waits for such a connection too, so the end takes no longer.
const newTime = 5 * time.Second

// wait waits until there are none; it is called once, when no more come. It returns
// sooner if ctx ends or newTime is over.
func (n *newcomers) wait(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, newTime)
	defer cancel()
	none := make(chan struct{})
	n.mu.Lock()
	if len(n.conns) == 0 {
		close(none)
	} else {
		n.none = none
	}
	n.mu.Unlock()
	select {
	case <-none:
	case <-ctx.Done():
	}
}
