package embed_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
	"github.com/nats-io/nats-server/v2/server"
)

// cable is a way to a server that can be cut.
type cable struct {
	net.Listener
	mu   sync.Mutex // guards what follows
	cut  bool
	ends []net.Conn
}

// lay lays a cable to a server.
func lay(t *testing.T, s *server.Server) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &cable{Listener: l}
	t.Cleanup(func() { l.Close(); w.set(true) })
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			w.join(near, s.Addr().String())
		}
	}()
	return w
}

// join connects one end with the server at address, unless the cable is cut.
func (w *cable) join(near net.Conn, address string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	far, err := net.Dial("tcp", address)
	if w.cut || err != nil {
		near.Close()
		if err == nil {
			far.Close()
		}
		return
	}
	w.ends = append(w.ends, near, far)
	go func() { io.Copy(near, far); near.Close() }()
	go func() { io.Copy(far, near); far.Close() }()
}

// set cuts the cable, or mends it.
func (w *cable) set(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	for _, end := range w.ends {
		end.Close()
	}
	w.ends = nil
}

// gate is a Func that says that it runs, and answers when it may.
type gate struct{ runs, may chan struct{} }

func newGate() gate { return gate{runs: make(chan struct{}, 1), may: make(chan struct{})} }

func (g gate) fn(_ context.Context, reqs []string) ([]string, error) {
	select {
	case g.runs <- struct{}{}:
	default:
	}
	<-g.may
	return reqs, nil
}

// away has a Do without a deadline whose front end is cut off from when Func
// runs until then ends.
func away(t *testing.T, ackWait time.Duration, then func(a *natsbatch.Admin, g gate)) (<-chan error, *natsbatch.Client[string, string]) {
	t.Helper()
	s := serve(t, server.Options{})
	q := queue
	q.AckWait = ackWait
	g := newGate()
	wn := dial(t, s.ClientURL())
	w, err := natsbatch.NewWorker(within(t), wn, q, g.fn, natsbatch.WorkerOptions{})
	worker(t, w, err)
	a, err := natsbatch.NewAdmin(within(t), wn, q)
	if err != nil {
		t.Fatal(err)
	}
	way := lay(t, s)
	nc := dial(t, "nats://"+way.Addr().String())
	c, err := natsbatch.NewClient[string, string](within(t), nc, q, natsbatch.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.FlushTimeout(time.Second) }) // else the worker waits for the word that its reply has come
	got := make(chan error, 1)
	go func() { got <- second(c.Do(context.Background(), "r")) }()
	soon(t, "Func", g.runs)
	time.Sleep(100 * time.Millisecond) // until the front end knows that it is accepted
	way.set(true)
	then(a, g)
	way.set(false)
	for c.Health(within(t)) != nil {
		time.Sleep(10 * time.Millisecond)
	}
	return got, c
}

// A worker gives a front end up that is away for long, and then nobody knows
// the answer.
func TestADoWhoseAnswerCameInVainEnds(t *testing.T) {
	t.Parallel()
	got, c := away(t, 2*time.Second, func(a *natsbatch.Admin, g gate) {
		close(g.may)
		for s, err := a.Stats(within(t)); err != nil || s.Lanes[natsbatch.PriorityNormal].Held > 0; s, err = a.Stats(within(t)) {
			time.Sleep(10 * time.Millisecond)
		}
	})
	if res, err := c.Do(within(t), "another"); err != nil || res != "another" {
		t.Errorf("another Do afterwards: %q, %v", res, err)
	}
	if err := soon(t, "Do", got); !errors.Is(err, natsbatch.ErrUnknownOutcome) {
		t.Errorf("Do: %v, want ErrUnknownOutcome", err)
	}
	closed := make(chan error, 1)
	go func() { closed <- c.Close() }()
	if err := soon(t, "Close", closed); err != nil {
		t.Error(err)
	}
}

// A Do whose worker is not done yet outlives the moment.
func TestADoOutlivesAShortAbsence(t *testing.T) {
	t.Parallel()
	gates := make(chan gate, 1)
	got, _ := away(t, 5*time.Second, func(_ *natsbatch.Admin, g gate) { gates <- g })
	close((<-gates).may)
	if err := soon(t, "Do", got); err != nil {
		t.Errorf("Do: %v", err)
	}
}
