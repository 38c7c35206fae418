// Package durable puts a queue of package natsbatch between the gateway's
// routes and their upstreams: requests of many processes meet in one batch,
// and those that nobody waits for outlive the process.
package durable

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"github.com/gobatcher/batcher/cmd/batcher/internal/certs"
	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
	"github.com/gobatcher/batcher/natsbatch"
	"github.com/gobatcher/batcher/natsbatch/embed"
	"github.com/nats-io/nats.go"
)

// Link is a connection to the queues, and the server at its other end if that runs
// in this process.
type Link struct {
	Conn   *nats.Conn
	server *embed.Server
	ctx    context.Context // of the program: when it ends, setting up is given up
	tell   Tell
	tally  tally // of all its workers
	used   inUse
	wake   chan struct{}      // the mender
	end    context.CancelFunc // of the mender
	ended  chan struct{}      // it has
}

// setupTime is how long servers may take to answer when a program starts.
const setupTime = 30 * time.Second

// Open connects to the store or the servers that c names. With a store it starts the
// server, which only one process can do. When ctx ends, it stops waiting for servers that
// do not answer, now and whenever queues are set up.
func Open(ctx context.Context, c *config.Config, tell Tell) (*Link, error) {
	if c.Store == "" {
		conn, err := connect(ctx, c, tell)
		if err != nil {
			return nil, err
		}
		return newLink(ctx, conn, nil, tell), nil
	}
	server, err := embed.Start(c.Store, embed.Options{
		MaxStore: math.MaxInt64, // each queue has bounds of its own
		Listen:   c.Queue.Listen,
		Log:      serverLog(tell),
	})
	if err != nil {
		return nil, c.Fault("store", "%s", strings.TrimPrefix(err.Error(), "embed: "))
	}
	conn, err := server.Connect(append(tell.connection(), nats.Name("batcher"))...)
	if err != nil {
		server.Close()
		return nil, err
	}
	return newLink(ctx, conn, server, tell), nil
}

// newLink returns the Link of a connection, and of a server if that is in this process.
func newLink(ctx context.Context, conn *nats.Conn, server *embed.Server, tell Tell) *Link {
	l := &Link{Conn: conn, server: server, ctx: ctx, tell: tell, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	m := mender{link: l, missing: make(map[string]bool)}
	back := conn.StatusChanged(nats.CONNECTED)
	ctx, l.end = context.WithCancel(ctx)
	go func() {
		defer close(l.ended)
		m.run(ctx, back)
	}()
	return l
}

// connect connects to the servers that c names. If they go away later, the
// connection is tried again for ever.
func connect(ctx context.Context, c *config.Config, tell Tell) (*nats.Conn, error) {
	opts, err := options(c)
	if err != nil {
		return nil, err
	}
	opts = append(opts, tell.connection()...)
	type made struct {
		conn *nats.Conn
		err  error
	}
	got := make(chan made, 1)
	go func() {
		conn, err := nats.Connect(c.NATS, opts...)
		got <- made{conn, err}
	}()
	select {
	case m := <-got:
		if m.err != nil {
			return nil, c.Fault("nats", "no connection to %s: %s; there must be one at the start", strings.Join(c.Servers(), ", "), strings.TrimPrefix(m.err.Error(), "nats: "))
		}
		return m.conn, nil
	case <-ctx.Done(): // the program is about to end, and the connection with it
		return nil, context.Cause(ctx)
	}
}

// Check returns what is wrong with the files that connecting to the servers of c
// needs.
func Check(c *config.Config) error {
	_, err := options(c)
	return err
}

// options returns those of a connection to the servers that c names.
func options(c *config.Config) ([]nats.Option, error) {
	// Credentials that are refused may be accepted later: their file may be replaced, and
	// servers may be without their list of users for a while.
	opts := []nats.Option{nats.Name("batcher"), nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(), nats.Timeout(setupTime / 10)}
	if c.Queue.Credentials != "" {
		if _, err := os.ReadFile(c.Queue.Credentials); err != nil {
			return nil, c.Fault("queue.credentials", "%v", err)
		}
		opts = append(opts, nats.UserCredentials(c.Queue.Credentials))
	}
	if c.Queue.CA != "" || c.Queue.Cert != "" {
		secure, err := certs.Client(os.ReadFile, c.Queue.CA, c.Queue.Cert, c.Queue.Key, "")
		if err != nil {
			return nil, c.FilesFault("queue.cert", "queue.ca", err)
		}
		opts = append(opts, nats.Secure(secure))
	}
	return opts, nil
}

// admin makes the Admin of a queue that is used from now on, and sets the queue up if
// need be.
func (l *Link) admin(ctx context.Context, q natsbatch.Queue) (*natsbatch.Admin, error) {
	a, err := natsbatch.NewAdmin(ctx, l.Conn, q)
	if errors.Is(err, natsbatch.ErrDrift) {
		err = fmt.Errorf("%w; a queue keeps the queue.max-bytes, queue.result-ttl and queue.replicas that it was made with", err)
	}
	if err == nil {
		l.used.begin(a, q)
	}
	return a, err
}

// URL returns where the queue is, without a password: the server in this process,
// "" if it has no port, or else the one at the other end of the connection.
func (l *Link) URL() string {
	if l.server == nil {
		return l.Conn.ConnectedUrlRedacted()
	}
	return l.server.URL()
}

// Close ends the connection and the server.
func (l *Link) Close() {
	l.end()
	l.Conn.Close()
	<-l.ended
	if l.server != nil {
		l.server.Close()
	}
}

// setup limits how long servers may take to answer when queues are set up.
func (l *Link) setup() (context.Context, context.CancelFunc) { return setup(l.ctx) }

func setup(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, setupTime, fmt.Errorf("no answer from the queue's servers within %v", setupTime))
}
