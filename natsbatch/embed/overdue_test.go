package embed_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/natsbatch"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// purge empties a stream.
func purge(t *testing.T, nc *nats.Conn, name string) {
	t.Helper()
	js := streams(t, nc)
	s, err := js.Stream(within(t), name)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(within(t)); err != nil {
		t.Fatal(err)
	}
}

// sick waits until the worker says that it is not healthy.
func sick(t *testing.T, w *natsbatch.Worker, why string) {
	t.Helper()
	ctx := within(t)
	for {
		err := w.Health(ctx)
		if errors.Is(err, natsbatch.ErrUnhealthy) && strings.Contains(err.Error(), why) {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("Health: %v, want %s", err, why)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// drained makes room until all requests are settled.
func drained(t *testing.T, nc *nats.Conn, q natsbatch.Queue, room func()) {
	t.Helper()
	admin, err := natsbatch.NewAdmin(within(t), nc, q)
	if err != nil {
		t.Fatal(err)
	}
	for {
		s, err := admin.Stats(within(t))
		if err != nil {
			t.Fatal(err)
		}
		if s.OldestAge == 0 {
			return
		}
		room()
		time.Sleep(10 * time.Millisecond)
	}
}

func wantDo(t *testing.T, c *natsbatch.Client[string, string]) {
	t.Helper()
	for range 10 {
		if res, err := c.Do(within(t), "r"); err != nil || res != "r" {
			t.Fatalf("Do: %q, %v", res, err)
		}
	}
}

// Where results have no room, Submits wait, and Dos do not.
func TestFullResultsHoldUpSubmitsAlone(t *testing.T) {
	nc := conn(t)
	q := natsbatch.Queue{Endpoint: "test", AckWait: time.Second, ResultBytes: 20 << 10}
	c := clientOf(t, nc, q)
	long := strings.Repeat("x", 2<<10)
	opts := natsbatch.WorkerOptions{Batch: batcher.Options{MaxSize: 4}}
	w, err := natsbatch.NewWorker(within(t), nc, q, echo, opts)
	worker(t, w, err)
	for range 350 { // more than may wait in a worker
		if _, err := c.Submit(t.Context(), long); err != nil {
			t.Fatal(err)
		}
	}
	sick(t, w, "bq_main_res")
	wantDo(t, c)
	if err := w.Shutdown(within(t)); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	w, err = natsbatch.NewWorker(within(t), nc, q, echo, opts)
	worker(t, w, err)
	sick(t, w, "bq_main_res")
	drained(t, nc, q, func() { purge(t, nc, "bq_main_res") })
	if s := w.Stats(); s.Dead > 0 {
		t.Errorf("in the end %+v", s)
	}
}

// Who runs again, and needs no room, does not wait behind who does.
func TestFullResultsDoNotHoldUpDosThatRunAgain(t *testing.T) {
	t.Parallel()
	nc := conn(t)
	q := natsbatch.Queue{Endpoint: "test", ResultBytes: 4 << 10}
	c := clientOf(t, nc, q)
	var mu sync.Mutex
	had := make(map[string]bool)
	w, err := natsbatch.NewWorker(within(t), nc, q, func(_ context.Context, reqs []string) ([]string, error) {
		mu.Lock()
		defer mu.Unlock()
		for _, r := range reqs {
			if !had[r] {
				had[r] = true
				panic("the first time")
			}
		}
		return reqs, nil
	}, natsbatch.WorkerOptions{Backoff: func(int) time.Duration { return time.Millisecond }})
	worker(t, w, err)
	if _, err := c.Submit(within(t), strings.Repeat("x", 8<<10)); err != nil {
		t.Fatal(err)
	}
	sick(t, w, "bq_main_res")
	wantDo(t, c)
	if err := w.Close(); err != nil { // with what waits in line again
		t.Error(err)
	}
	if s := w.Stats(); s.Active != 0 || s.HandedBack == 0 {
		t.Errorf("in the end %+v", s)
	}
}

// A result for which there is no room is tried again until there is. Its request does not run
// again meanwhile.
func TestAResultWaitsForRoom(t *testing.T) {
	t.Parallel()
	nc := conn(t)
	q := natsbatch.Queue{Endpoint: "test", AckWait: time.Minute, ResultBytes: 4 << 10}
	c := clientOf(t, nc, q)
	var runs atomic.Int64
	w, err := natsbatch.NewWorker(within(t), nc, q, func(_ context.Context, reqs []string) ([]string, error) {
		runs.Add(1)
		return reqs, nil
	}, natsbatch.WorkerOptions{})
	worker(t, w, err)
	js := streams(t, nc)
	for err == nil { // until the results are full
		_, err = js.Publish(within(t), "bq.main.res.test.other."+nats.NewInbox(), make([]byte, 100))
	}
	tried := make(chan *nats.Msg, 1000)
	if _, err := nc.ChanSubscribe("bq.main.res.>", tried); err != nil {
		t.Fatal(err)
	}
	handles := submitAll(t, c, "r")
	for range 4 {
		soon(t, "a try to store the result", tried)
	}
	purge(t, nc, "bq_main_res")
	wantAll(t, c, handles)
	if n := runs.Load(); n != 1 {
		t.Errorf("it ran %d times", n)
	}
}

// A worker that stops hands back what it has run and cannot store. That is no
// reason to bury it.
func TestRestartsWhileResultsAreFull(t *testing.T) {
	t.Parallel()
	nc := conn(t)
	q := natsbatch.Queue{Endpoint: "test", AckWait: 300 * time.Millisecond, ResultBytes: 4 << 10}
	c := clientOf(t, nc, q)
	handles := map[string]natsbatch.Handle{}
	long := strings.Repeat("x", 8<<10)
	for name, opts := range map[string][]natsbatch.Option{"Submit": nil, "Key": {natsbatch.Key("k")}} {
		h, err := c.Submit(within(t), long, opts...)
		if err != nil {
			t.Fatal(err)
		}
		handles[name] = h
	}
	for range 6 { // more often than anything is given to workers that die
		w, err := natsbatch.NewWorker(within(t), nc, q, echo, natsbatch.WorkerOptions{})
		worker(t, w, err)
		sick(t, w, "2 messages wait for room in stream bq_main_res")
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	w, err := natsbatch.NewWorker(within(t), nc, q, func(_ context.Context, reqs []string) ([]string, error) {
		for i := range reqs {
			reqs[i] = "short"
		}
		return reqs, nil
	}, natsbatch.WorkerOptions{})
	worker(t, w, err)
	for name, h := range handles {
		if res, err := c.Wait(within(t), h); err != nil || res != "short" {
			t.Errorf("%s: %q, %v", name, res, err)
		}
	}
}

// Where dead letters have no room, who is to be one waits, and others do not.
func TestFullDeadLettersHoldUpTheDeadAlone(t *testing.T) {
	nc := conn(t)
	q := natsbatch.Queue{Endpoint: "test", AckWait: time.Second, MaxBytes: 64 << 10}
	c := clientOf(t, nc, q)
	bad := strings.Repeat("x", 2<<10)
	w, err := natsbatch.NewWorker(within(t), nc, q, func(_ context.Context, reqs []string) ([]string, error) {
		errs := make(batcher.Errors, len(reqs))
		for i, r := range reqs {
			if r == bad {
				errs[i] = natsbatch.Retry(errUp)
			}
		}
		return reqs, errs
	}, natsbatch.WorkerOptions{MaxDeliveries: 3, Backoff: func(int) time.Duration { return time.Millisecond }})
	worker(t, w, err)
	for range 40 {
		if _, err := c.Submit(t.Context(), bad); err != nil && !errors.Is(err, natsbatch.ErrFull) {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond) // for room in the queue
	}
	sick(t, w, "bq_main_dlq")
	wantDo(t, c)
	drained(t, nc, q, func() { purge(t, nc, "bq_main_dlq") })
	if err := w.Health(within(t)); err != nil {
		t.Errorf("in the end %v", err)
	}
}

// A stream that is gone is told, and what waits for it is stored when it is back.
func TestAWorkerWithoutAStreamOfResults(t *testing.T) {
	nc := conn(t)
	c := client[string, string](t, nc, natsbatch.ClientOptions{})
	w, err := natsbatch.NewWorker(within(t), nc, queue, echo, natsbatch.WorkerOptions{})
	worker(t, w, err)
	js := streams(t, nc)
	if err := js.DeleteStream(within(t), "bq_main_res"); err != nil {
		t.Fatal(err)
	}
	handles := submitAll(t, c, "r")
	sick(t, w, "bq_main_res")
	if err := natsbatch.Setup(within(t), nc, queue); err != nil {
		t.Fatal(err)
	}
	wantAll(t, c, handles)
	ctx := within(t)
	for err := w.Health(ctx); err != nil; err = w.Health(ctx) { // until it knows too that it is stored
		if ctx.Err() != nil {
			t.Fatalf("in the end %v", err)
		}
	}
}

// A stream of results that an administrator has closed for good, or given other subjects, is
// told too. Who waits for it neither runs again meanwhile nor becomes a dead letter.
func TestAStreamOfResultsThatTakesNoneAnyMore(t *testing.T) {
	for name, change := range map[string]func(*jetstream.StreamConfig){
		"sealed":         func(c *jetstream.StreamConfig) { c.Sealed = true },
		"other subjects": func(c *jetstream.StreamConfig) { c.Subjects, c.RePublish = []string{"bq.main.res.other.>"}, nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nc := conn(t)
			q := natsbatch.Queue{Endpoint: "test", AckWait: time.Second}
			c := clientOf(t, nc, q)
			var runs atomic.Int64
			w, err := natsbatch.NewWorker(within(t), nc, q, func(_ context.Context, reqs []string) ([]string, error) {
				runs.Add(int64(len(reqs)))
				return reqs, nil
			}, natsbatch.WorkerOptions{})
			worker(t, w, err)
			js := streams(t, nc)
			s, err := js.Stream(within(t), "bq_main_res")
			if err != nil {
				t.Fatal(err)
			}
			config := s.CachedInfo().Config
			change(&config)
			if _, err := js.UpdateStream(within(t), config); err != nil {
				t.Fatal(err)
			}
			handles := submitAll(t, c, "r")
			h, err := c.Submit(within(t), "r", natsbatch.Key("k"))
			if err != nil {
				t.Fatal(err)
			}
			sick(t, w, "bq_main_res")
			time.Sleep(3 * q.AckWait) // in which it would run again and again
			if err := js.DeleteStream(within(t), "bq_main_res"); err != nil {
				t.Fatal(err)
			}
			if err := natsbatch.Setup(within(t), nc, q); err != nil {
				t.Fatal(err)
			}
			wantAll(t, c, append(handles, h))
			if n, s := runs.Load(), w.Stats(); n != 2 || s.Dead != 0 {
				t.Errorf("%d runs, %+v; want 2, and nobody dead", n, s)
			}
		})
	}
}

// A worker that stops does not wait for a stream that nobody makes again. Another one runs
// what it could not store.
func TestCloseWithoutAStreamOfResults(t *testing.T) {
	for name, opts := range map[string][]natsbatch.Option{"Submit": nil, "Key": {natsbatch.Key("k")}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nc := conn(t)
			c := client[string, string](t, nc, natsbatch.ClientOptions{})
			w, err := natsbatch.NewWorker(within(t), nc, queue, echo, natsbatch.WorkerOptions{})
			worker(t, w, err)
			if err := streams(t, nc).DeleteStream(within(t), "bq_main_res"); err != nil {
				t.Fatal(err)
			}
			h, err := c.Submit(within(t), "r", opts...)
			if err != nil {
				t.Fatal(err)
			}
			for s := w.Stats(); s.Messages == 0 || s.Active+int(s.Batches) == 0; s = w.Stats() { // until it waits for its result, or looks for one
				time.Sleep(time.Millisecond)
			}
			closed := make(chan error, 1)
			go func() { closed <- w.Close() }()
			if err := soon(t, "Close", closed); err != nil {
				t.Error(err)
			}
			next, err := natsbatch.NewWorker(within(t), nc, queue, echo, natsbatch.WorkerOptions{})
			worker(t, next, err)
			wantAll(t, c, []natsbatch.Handle{h})
		})
	}
}
