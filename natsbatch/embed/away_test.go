package embed_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/natsbatch"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// cable is a way to a server that can be cut.
type cable struct {
	net.Listener
	to   string
	rate int        // bytes a second that it carries each way; 0: any
	mu   sync.Mutex // guards what follows
	cut  bool
	ends []net.Conn
}

// lay lays a cable to a server's address.
func lay(t *testing.T, to net.Addr, rate int) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &cable{Listener: l, to: to.String(), rate: rate}
	t.Cleanup(func() { l.Close(); w.set(true) })
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			w.join(near)
		}
	}()
	return w
}

// join connects one end with the server, unless the cable is cut.
func (w *cable) join(near net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	far, err := net.Dial("tcp", w.to)
	if w.cut || err != nil {
		near.Close()
		if err == nil {
			far.Close()
		}
		return
	}
	w.ends = append(w.ends, near, far)
	go func() { w.pass(near, far); near.Close(); far.Close() }()
	go func() { w.pass(far, near); far.Close() }()
}

// pass copies what one end sends, no faster than the cable can.
func (w *cable) pass(to, from net.Conn) {
	if w.rate == 0 {
		io.Copy(to, from)
		return
	}
	for {
		n, err := io.CopyN(to, from, int64(w.rate/100))
		if err != nil {
			return
		}
		time.Sleep(time.Duration(n) * time.Second / time.Duration(w.rate))
	}
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

// doomed is a request that gate fails until it is dead.
const doomed = "doomed"

// gate is a Func that says that it runs, and answers when it may.
type gate struct{ runs, may chan struct{} }

func newGate() gate { return gate{runs: make(chan struct{}, 1), may: make(chan struct{})} }

func (g gate) fn(_ context.Context, reqs []string) ([]string, error) {
	select {
	case g.runs <- struct{}{}:
	default:
	}
	<-g.may
	if reqs[0] == doomed {
		return nil, natsbatch.Retry(errUp)
	}
	return reqs, nil
}

// absence is what there is while a front end is cut off.
type absence struct {
	q natsbatch.Queue
	s *server.Server
	w *natsbatch.Worker
	gate
}

// away has a Do without a deadline whose front end is cut off from when Func
// runs until then ends.
func away(t *testing.T, q natsbatch.Queue, req string, then func(a absence)) (<-chan error, *natsbatch.Client[string, string]) {
	t.Helper()
	s := serve(t, server.Options{})
	a := absence{q: q, s: s, gate: newGate()}
	w, err := natsbatch.NewWorker(within(t), dial(t, s.ClientURL()), q, a.fn, natsbatch.WorkerOptions{})
	a.w = worker(t, w, err)
	way := lay(t, s.Addr(), 0)
	nc := dial(t, "nats://"+way.Addr().String())
	c := clientOf(t, nc, q)
	t.Cleanup(func() { nc.FlushTimeout(time.Second) }) // else the worker waits for the word that its reply has come
	got := make(chan error, 1)
	go func() { got <- second(c.Do(context.Background(), req)) }()
	soon(t, "Func", a.runs)
	time.Sleep(100 * time.Millisecond) // until the front end knows that it is accepted
	way.set(true)
	then(a)
	way.set(false)
	for c.Health(within(t)) != nil {
		time.Sleep(10 * time.Millisecond)
	}
	return got, c
}

// settled waits until no worker has a message.
func (a absence) settled(t *testing.T) {
	t.Helper()
	admin := admin(t, dial(t, a.s.ClientURL()), a.q)
	for s, err := admin.Stats(within(t)); err != nil || s.OldestAge > 0; s, err = admin.Stats(within(t)) {
		time.Sleep(10 * time.Millisecond)
	}
}

// A worker gives a front end up that is away for long, and stores the answer for it.
func TestADoOutlivesALongAbsence(t *testing.T) {
	t.Parallel()
	got, c := away(t, natsbatch.Queue{Endpoint: "test", AckWait: 2 * time.Second}, "r", func(a absence) {
		close(a.may)
		a.settled(t)
	})
	if res, err := c.Do(within(t), "another"); err != nil || res != "another" {
		t.Errorf("another Do afterwards: %q, %v", res, err)
	}
	if err := soon(t, "Do", got); err != nil {
		t.Errorf("Do: %v", err)
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
	got, _ := away(t, queue, "r", func(a absence) { gates <- a.gate })
	close((<-gates).may)
	if err := soon(t, "Do", got); err != nil {
		t.Errorf("Do: %v", err)
	}
}

// Close ends a Wait also while the server is away.
func TestCloseEndsAWaitDuringAnAbsence(t *testing.T) {
	t.Parallel()
	way := lay(t, serve(t, server.Options{}).Addr(), 0)
	nc := dial(t, "nats://"+way.Addr().String())
	c := clientOf(t, nc, queue)
	way.set(true)
	for nc.IsConnected() { // else the end of the connection would end what the Wait asks it
		time.Sleep(time.Millisecond)
	}
	before, waits := nc.NumSubscriptions(), make(chan error, 1)
	go func() { waits <- second(c.Wait(context.Background(), natsbatch.KeyHandle("k"))) }()
	for nc.NumSubscriptions() == before { // then it waits for the server
		time.Sleep(time.Millisecond)
	}
	begun := time.Now()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := soon(t, "Wait", waits); !errors.Is(err, natsbatch.ErrClosed) || time.Since(begun) > 8*time.Second {
		t.Errorf("Wait: %v, %v after Close", err, time.Since(begun))
	}
}

// cutOff gives a worker that has run a Do and lost its way to the server before it
// could answer, that way, and what the Do comes to.
func cutOff(t *testing.T, s *server.Server, q natsbatch.Queue, opts ...nats.Option) (w *natsbatch.Worker, way *cable, got <-chan error) {
	t.Helper()
	c := clientOf(t, dial(t, s.ClientURL()), q)
	way = lay(t, s.Addr(), 0)
	g := newGate()
	w, err := natsbatch.NewWorker(within(t), dial(t, "nats://"+way.Addr().String(), opts...), q, g.fn, natsbatch.WorkerOptions{})
	worker(t, w, err)
	done := make(chan error, 1)
	go func() { done <- second(c.Do(context.Background(), "r")) }()
	soon(t, "Func", g.runs)
	way.set(true)
	close(g.may)
	return w, way, done
}

// A worker that was away for long does not take it for the front end's absence.
func TestADoOutlivesTheAbsenceOfItsWorker(t *testing.T) {
	t.Parallel()
	s := serve(t, server.Options{})
	_, way, got := cutOff(t, s, natsbatch.Queue{Endpoint: "test", AckWait: 2 * time.Second}, nats.ReconnectBufSize(-1))
	time.Sleep(4 * time.Second) // until it cannot be the worker's any more
	way.set(false)
	if err := soon(t, "Do", got); err != nil {
		t.Errorf("Do: %v", err)
	}
}

// A server keeps so much of what a slow link has yet to take, and no more.
func TestAnswersComeBySlowLinks(t *testing.T) {
	t.Parallel()
	s := serve(t, server.Options{MaxPending: 8 << 20})
	large := bytes.Repeat([]byte("x"), 900<<10)
	w, err := natsbatch.NewWorker(within(t), dial(t, s.ClientURL()), queue, func(_ context.Context, reqs [][]byte) ([][]byte, error) {
		for i := range reqs {
			reqs[i] = large
		}
		return reqs, nil
	}, natsbatch.WorkerOptions{Batch: batcher.Options{MaxConcurrent: 4}})
	worker(t, w, err)
	c := client[[]byte, []byte](t, dial(t, "nats://"+lay(t, s.Addr(), 10<<20).Addr().String()), natsbatch.ClientOptions{})
	const n = 32
	got := make(chan error, n)
	for range n {
		go func() { got <- second(c.Do(context.Background(), []byte("r"))) }()
	}
	for i := range n {
		if err := soon(t, "Do", got); err != nil {
			t.Errorf("answer %d: %v", i, err)
		}
	}
	if n := s.NumSlowConsumers(); n > 0 {
		t.Errorf("the server has cut %d slow connections", n)
	}
}

// What is stored for a front end that is away is found, though the stream is another by
// then, and has as many messages as the front end has read of the first.
func TestADoOutlivesItsStreamOfResults(t *testing.T) {
	t.Parallel()
	s := serve(t, server.Options{})
	q, nc, g := natsbatch.Queue{Endpoint: "test", AckWait: time.Second}, dial(t, s.ClientURL()), newGate()
	w, err := natsbatch.NewWorker(within(t), nc, q, g.fn, natsbatch.WorkerOptions{})
	worker(t, w, err)
	way := lay(t, s.Addr(), 0)
	c := clientOf(t, dial(t, "nats://"+way.Addr().String()), q)
	js, looks := streams(t, nc), make(chan *nats.Msg, 1000)
	if _, err := js.Publish(within(t), "bq.main.res.test.another.1", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := nc.ChanSubscribe("$JS.API.STREAM.>", looks); err != nil {
		t.Fatal(err)
	}
	got := make(chan error, 1)
	go func() { got <- second(c.Do(context.Background(), "r")) }()
	for _, subject := range []string{"MSG.GET.bq_main_res", "INFO.bq_main_res"} { // after which it has read all
		for soon(t, "a look", looks).Subject != "$JS.API.STREAM."+subject {
		}
	}
	way.set(true)
	if err := errors.Join(js.DeleteStream(within(t), "bq_main_res"), natsbatch.Setup(within(t), nc, q)); err != nil {
		t.Fatal(err)
	}
	close(g.may)
	settled(t, nc, q)
	way.set(false)
	if err := soon(t, "Do", got); err != nil {
		t.Errorf("Do: %v", err)
	}
}
