package embed_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/natsbatch"
	"github.com/gobatcher/batcher/natsbatch/internal/wire"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// deliveries is how often messages of line again were delivered.
func deliveries(t *testing.T, nc *nats.Conn) uint64 {
	t.Helper()
	c, err := streams(t, nc).Consumer(within(t), "bq_main_req", "test_again")
	if err != nil {
		t.Fatal(err)
	}
	return c.CachedInfo().Delivered.Consumer
}

// hold keeps line again from workers until goOn is called.
func hold(t *testing.T, nc *nats.Conn) (goOn func()) {
	t.Helper()
	js := streams(t, nc)
	if _, err := js.PauseConsumer(within(t), "bq_main_req", "test_again", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := js.ResumeConsumer(within(t), "bq_main_req", "test_again"); err != nil {
			t.Fatal(err)
		}
	}
}

// putAgain puts an envelope in the line of suspects.
func putAgain(t *testing.T, nc *nats.Conn, e wire.Envelope) *jetstream.PubAck {
	t.Helper()
	ack, err := streams(t, nc).Publish(within(t), "bq.main.req.test.again", e.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	return ack
}

// handOn takes a message of a line and has it delivered to another, as if AckWait had
// passed.
func handOn(t *testing.T, nc *nats.Conn, line string) {
	t.Helper()
	taken, err := nc.RequestWithContext(within(t), "$JS.API.CONSUMER.MSG.NEXT.bq_main_req.test_"+line, []byte(`{"batch": 1, "group": "batch"}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := taken.Nak(); err != nil {
		t.Fatal(err)
	}
}

// A request that has crashed once, and that workers then take and hand back again and
// again where the queue is full, is not buried: it has not run since.
func TestAFullQueueBuriesNobodyWhoDoesNotRun(t *testing.T) {
	t.Parallel()
	nc := conn(t)
	q := small["messages"]
	q.AckWait = time.Minute
	c := clientOf(t, nc, q)
	w, err := natsbatch.NewWorker(within(t), nc, q, func(context.Context, []string) ([]string, error) {
		panic("once")
	}, natsbatch.WorkerOptions{Backoff: func(int) time.Duration { return time.Second }})
	worker(t, w, err)
	h, err := c.Submit(t.Context(), "innocent") // without a deadline
	if err != nil {
		t.Fatal(err)
	}
	for deliveries(t, nc) == 0 { // when its delay begins
		time.Sleep(time.Millisecond)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for range 6 {
		fill(t, c)
		before, goOn := deliveries(t, nc), hold(t, nc)
		running, may := make(chan struct{}, 100), make(chan struct{})
		w, err := natsbatch.NewWorker(within(t), nc, q, func(_ context.Context, reqs []string) ([]string, error) {
			if slices.Contains(reqs, "innocent") {
				t.Error("it runs before its turn")
			}
			running <- struct{}{}
			<-may
			return reqs, nil
		}, natsbatch.WorkerOptions{Batch: batcher.Options{MaxSize: 4}})
		worker(t, w, err)
		soon(t, "Func", running)
		goOn()
		for ctx := within(t); deliveries(t, nc) <= before; time.Sleep(time.Millisecond) {
			if ctx.Err() != nil {
				t.Fatal("it does not come")
			}
		}
		ended := make(chan error, 1)
		go func() { ended <- w.Close() }()
		for ctx := within(t); w.Stats().HandedBack == 0 && ctx.Err() == nil; {
			time.Sleep(time.Millisecond)
		}
		close(may)
		if err := soon(t, "Close", ended); err != nil {
			t.Fatal(err)
		}
	}
	w, err = natsbatch.NewWorker(within(t), nc, q, echo, natsbatch.WorkerOptions{})
	worker(t, w, err)
	if res, err := c.Wait(within(t), h); err != nil || res != "innocent" {
		t.Errorf("%q, %v", res, err)
	}
}

// Requests that a worker did not settle are divided before they run again. Where the queue
// is full they run in parts nevertheless: who has not had his turn when the worker stops
// is not suspected.
func TestAFullQueueSuspectsNobodyBeforeHisTurn(t *testing.T) {
	t.Parallel()
	nc := conn(t)
	q := small["messages"]
	q.AckWait = time.Minute
	c := clientOf(t, nc, q)
	e := wire.Envelope{Kind: wire.KindSubmit, Part: true, Tries: 1, Suspect: 1, From: "front", Number: 1}
	for i := range uint64(8) {
		e.Requests = append(e.Requests, wire.Request{Index: i, Payload: []byte(`"innocent"`)})
	}
	putAgain(t, nc, e)
	fillBeside(t, nc, q)
	handOn(t, nc, "again")
	tries := func(ctx context.Context, reqs []string) ([]string, error) {
		for i, m := range natsbatch.Metas(ctx) {
			if reqs[i] == "innocent" && m.Tries > 2 {
				t.Errorf("request %s has %d tries", m.ID, m.Tries)
			}
		}
		return reqs, nil
	}
	for range 4 {
		running, may, ended := make(chan struct{}, 100), make(chan struct{}), make(chan error, 1)
		w, err := natsbatch.NewWorker(within(t), nc, q, func(ctx context.Context, reqs []string) ([]string, error) {
			running <- struct{}{}
			<-may
			return tries(ctx, reqs)
		}, natsbatch.WorkerOptions{Batch: batcher.Options{MaxSize: 4}})
		worker(t, w, err)
		soon(t, "Func", running)
		go func() { ended <- w.Close() }()
		time.Sleep(100 * time.Millisecond) // until nothing more is run
		close(may)
		if err := soon(t, "Close", ended); err != nil {
			t.Fatal(err)
		}
	}
	w, err := natsbatch.NewWorker(within(t), nc, q, tries, natsbatch.WorkerOptions{})
	worker(t, w, err)
	for i := range e.Requests {
		h, err := natsbatch.ParseHandle(fmt.Sprintf("front.1.%d", i))
		if err != nil {
			t.Fatal(err)
		}
		if res, err := c.Wait(within(t), h); err != nil || res != "innocent" {
			t.Errorf("request %d: %q, %v", i, res, err)
		}
	}
}

// What excuses a delivery holds nobody up who cannot read it: it may be from a newer program.
func TestAnExcuseThatCannotBeReadIsOne(t *testing.T) {
	t.Parallel()
	nc := conn(t)
	c := client[string, string](t, nc, natsbatch.ClientOptions{})
	e := wire.Envelope{Kind: wire.KindSubmit, Part: true, Tries: 1, Suspect: 1, From: "front", Number: 1, Requests: []wire.Request{{Payload: []byte(`"r"`)}}}
	js := streams(t, nc)
	ack := putAgain(t, nc, e)
	if _, err := js.Publish(within(t), fmt.Sprintf("bq.main.res.test.front.back.%d.1", ack.Sequence), []byte("\xff: another version")); err != nil {
		t.Fatal(err)
	}
	handOn(t, nc, "again")
	w, err := natsbatch.NewWorker(within(t), nc, queue, func(ctx context.Context, reqs []string) ([]string, error) {
		if m := natsbatch.Metas(ctx)[0]; m.Tries != 1 {
			t.Errorf("it has %d tries", m.Tries)
		}
		return reqs, nil
	}, natsbatch.WorkerOptions{})
	worker(t, w, err)
	h, err := natsbatch.ParseHandle("front.1.0")
	if err != nil {
		t.Fatal(err)
	}
	wantAll(t, c, []natsbatch.Handle{h})
}

// A request that runs and for which the queue then has no room is suspected for it, however
// many workers stop with it: else one that panics would never be buried.
func TestAFullQueueExcusesNobodyWhoRuns(t *testing.T) {
	t.Parallel()
	nc := conn(t)
	q := small["messages"]
	q.AckWait = time.Minute
	c := clientOf(t, nc, q)
	e := wire.Envelope{Kind: wire.KindSubmit, Part: true, Tries: 1, Suspect: 1, From: "front", Number: 1, Requests: []wire.Request{{Payload: []byte(`"bad"`)}}}
	putAgain(t, nc, e)
	fillBeside(t, nc, q)
	h, err := natsbatch.ParseHandle("front.1.0")
	if err != nil {
		t.Fatal(err)
	}
	dead := make(chan error, 1)
	go func() { _, err := c.Wait(within(t), h); dead <- err }()
	var runs atomic.Int64
	for err == nil && runs.Load() < 6 {
		ran := make(chan struct{}, 10)
		w, fault := natsbatch.NewWorker(within(t), nc, q, func(context.Context, []string) ([]string, error) {
			runs.Add(1)
			ran <- struct{}{}
			panic("bad")
		}, natsbatch.WorkerOptions{Backoff: func(int) time.Duration { return 500 * time.Millisecond }})
		worker(t, w, fault)
		select {
		case <-ran: // and it stays, or is dead
		case err = <-dead:
		}
		if fault := w.Close(); fault != nil {
			t.Fatal(fault)
		}
	}
	if n := runs.Load(); n != 3 || !errors.Is(err, natsbatch.ErrDead) {
		t.Errorf("it ran %d times, want 3, and then %v", n, err)
	}
}

// While the server cannot say whether a delivery was excused, nobody is suspected, and nothing
// runs.
func TestAnExcuseIsWaitedFor(t *testing.T) {
	t.Parallel()
	nc := conn(t)
	js := streams(t, nc)
	if err := natsbatch.Setup(within(t), nc, queue); err != nil {
		t.Fatal(err)
	}
	e := wire.Envelope{Kind: wire.KindDo, Tries: 1, Suspect: 1, From: "front", Number: 1, Requests: []wire.Request{{Payload: []byte(`"r"`)}}}
	putAgain(t, nc, e)
	handOn(t, nc, "again")
	goOn, asked, ran := hold(t, nc), make(chan *nats.Msg, 1000), make(chan struct{}, 10)
	w, err := natsbatch.NewWorker(within(t), nc, queue, func(_ context.Context, reqs []string) ([]string, error) {
		ran <- struct{}{}
		return reqs, nil
	}, natsbatch.WorkerOptions{})
	worker(t, w, err)
	if _, err := nc.ChanSubscribe("$JS.API.STREAM.MSG.GET.bq_main_res", asked); err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(within(t), "bq_main_res"); err != nil {
		t.Fatal(err)
	}
	goOn()
	for range 3 {
		soon(t, "a question for an excuse", asked)
	}
	if len(ran) > 0 {
		t.Error("it runs")
	}
	if err := natsbatch.Setup(within(t), nc, queue); err != nil {
		t.Fatal(err)
	}
	soon(t, "Func", ran)
}
