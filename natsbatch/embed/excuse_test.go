package embed_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/natsbatch"
	"github.com/gobatcher/batcher/natsbatch/internal/wire"
	"github.com/nats-io/nats.go"
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
	if _, err := streams(t, nc).Publish(within(t), "bq.main.req.test.again", e.Append(nil)); err != nil {
		t.Fatal(err)
	}
	other := q
	other.Endpoint = "other"
	fill(t, clientOf(t, nc, other))
	taken, err := nc.RequestWithContext(within(t), "$JS.API.CONSUMER.MSG.NEXT.bq_main_req.test_again", []byte(`{"batch": 1, "group": "batch"}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := taken.Nak(); err != nil { // as if AckWait had passed
		t.Fatal(err)
	}
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
