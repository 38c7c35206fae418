package embed_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/natsbatch"
	"github.com/gobatcher/batcher/natsbatch/embed"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// small are queues that are full soon.
var small = map[string]natsbatch.Queue{
	"messages": {Endpoint: "test", AckWait: time.Second, MaxMessages: 40},
	"bytes":    {Endpoint: "test", AckWait: time.Second, MaxBytes: 20 << 10},
}

func clientOf(t *testing.T, nc *nats.Conn, q natsbatch.Queue) *natsbatch.Client[string, string] {
	t.Helper()
	return clientAt[string, string](t, nc, q, natsbatch.ClientOptions{})
}

// fill submits until the queue is full.
func fill(t *testing.T, c *natsbatch.Client[string, string]) (handles []natsbatch.Handle) {
	t.Helper()
	for {
		h, err := c.Submit(t.Context(), "r")
		if errors.Is(err, natsbatch.ErrFull) {
			return handles
		}
		if err != nil {
			t.Fatal(err)
		}
		handles = append(handles, h)
	}
}

// fillBeside fills the streams of q by a queue beside it.
func fillBeside(t *testing.T, nc *nats.Conn, q natsbatch.Queue) {
	t.Helper()
	q.Endpoint = "other"
	fill(t, clientOf(t, nc, q))
}

func wantAll(t *testing.T, c *natsbatch.Client[string, string], handles []natsbatch.Handle) {
	t.Helper()
	for i, h := range handles {
		if res, err := c.Wait(within(t), h); err != nil || res != "r" {
			t.Fatalf("request %d of %d: %q, %v", i, len(handles), res, err)
		}
	}
}

// What goes back needs no room: it is what takes it.
func TestAFullQueueIsTriedAgain(t *testing.T) {
	for name, q := range small {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nc := conn(t)
			c := clientOf(t, nc, q)
			handles := fill(t, c)
			var up atomic.Bool
			var failed atomic.Int64
			w, err := natsbatch.NewWorker(within(t), nc, q, func(_ context.Context, reqs []string) ([]string, error) {
				if up.Load() {
					return reqs, nil
				}
				if failed.Add(int64(len(reqs))) >= int64(2*len(handles)) {
					up.Store(true)
				}
				return nil, natsbatch.Retry(errUp)
			}, natsbatch.WorkerOptions{MaxDeliveries: 100, Backoff: func(int) time.Duration { return 10 * time.Millisecond }})
			worker(t, w, err)
			wantAll(t, c, handles)
			wantAll(t, c, submitAll(t, c, "r")) // there is room again
			if err := w.Close(); err != nil {
				t.Error(err)
			}
			if s := w.Stats(); s.Dead > 0 || s.Active > 0 {
				t.Errorf("in the end %+v", s)
			}
		})
	}
}

var errUp = errors.New("upstream is down")

// Who never succeeds goes to the dead letters, of a full queue too.
func TestAFullQueueOfTheHopelessEndsDead(t *testing.T) {
	nc := conn(t)
	q := small["messages"]
	c := clientOf(t, nc, q)
	handles := fill(t, c)
	w, err := natsbatch.NewWorker(within(t), nc, q, func(context.Context, []string) ([]string, error) {
		return nil, natsbatch.Retry(errUp)
	}, natsbatch.WorkerOptions{Backoff: func(int) time.Duration { return time.Millisecond }})
	worker(t, w, err)
	for i, h := range handles {
		if _, err := c.Wait(within(t), h); !errors.Is(err, natsbatch.ErrDead) {
			t.Fatalf("request %d: %v", i, err)
		}
	}
	if runs := w.Stats().Requests; runs != uint64(4*len(handles)) {
		t.Errorf("%d requests ran %d times in all, want 4 times each", len(handles), runs)
	}
}

// dying makes a worker that takes what there is and then is gone, as one that
// was killed is for the server.
func dying(t *testing.T, s *embed.Server, q natsbatch.Queue) {
	t.Helper()
	nc, err := s.Connect(nats.NoReconnect())
	if err != nil {
		t.Fatal(err)
	}
	running, end := make(chan struct{}, 1000), make(chan struct{})
	w, err := natsbatch.NewWorker(within(t), nc, q, func(_ context.Context, reqs []string) ([]string, error) {
		running <- struct{}{}
		<-end
		return reqs, nil
	}, natsbatch.WorkerOptions{})
	worker(t, w, err)
	<-running
	for w.Stats().Messages < 10 {
		time.Sleep(time.Millisecond)
	}
	nc.Close()
	close(end)
}

func TestAFullQueueOutlivesItsWorkers(t *testing.T) {
	for name, q := range small {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, nc := serverAndConn(t)
			c := clientOf(t, nc, q)
			handles := fill(t, c)
			dying(t, s, q)
			dying(t, s, q)
			w, err := natsbatch.NewWorker(within(t), nc, q, echo, natsbatch.WorkerOptions{})
			worker(t, w, err)
			wantAll(t, c, handles)
			if s := w.Stats(); s.Redelivered == 0 {
				t.Errorf("nothing was redelivered: %+v", s)
			}
		})
	}
}

// A panic's neighbours are answered where the queue is full, too.
func TestAFullQueueHoldsAPoison(t *testing.T) {
	nc := conn(t)
	q := small["messages"]
	c := clientOf(t, nc, q)
	bad, err := c.Submit(t.Context(), "bad")
	if err != nil {
		t.Fatal(err)
	}
	handles := fill(t, c)
	w, err := natsbatch.NewWorker(within(t), nc, q, func(_ context.Context, reqs []string) ([]string, error) {
		for _, r := range reqs {
			if r == "bad" {
				panic("boom")
			}
		}
		return reqs, nil
	}, natsbatch.WorkerOptions{Batch: batcher.Options{Delay: 50 * time.Millisecond}, Backoff: func(int) time.Duration { return time.Millisecond }})
	worker(t, w, err)
	wantAll(t, c, handles)
	if _, err := c.Wait(within(t), bad); !errors.Is(err, natsbatch.ErrDead) || !strings.Contains(err.Error(), "boom") {
		t.Errorf("the bad one: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if n := w.Stats().Dead; n != 1 {
		t.Errorf("%d are dead", n)
	}
}

// What an envelope's other requests came to is not worked out again.
func TestAFullQueueTriesAgainOnlyWhatFailed(t *testing.T) {
	nc := conn(t)
	q := small["messages"]
	q.AckWait = time.Minute
	c := clientOf(t, nc, q)
	fill(t, c)
	admin, err := natsbatch.NewAdmin(within(t), nc, q)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	runs := make(map[string]int)
	w, err := natsbatch.NewWorker(within(t), nc, q, func(ctx context.Context, reqs []string) ([]string, error) {
		mu.Lock()
		defer mu.Unlock()
		errs := make(batcher.Errors, len(reqs))
		for i, m := range natsbatch.Metas(ctx) {
			runs[m.ID]++
			if len(m.ID)%2 == 1 && runs[m.ID] < 3 {
				errs[i] = natsbatch.Retry(errUp)
			}
		}
		return reqs, errs
	}, natsbatch.WorkerOptions{Backoff: func(int) time.Duration { return time.Millisecond }})
	worker(t, w, err)
	for left := uint64(1); left > 0; time.Sleep(5 * time.Millisecond) {
		s, err := admin.Stats(within(t))
		if err != nil {
			t.Fatal(err)
		}
		left = s.Lanes[0].Waiting + s.Lanes[0].Held
	}
	mu.Lock()
	defer mu.Unlock()
	for id, n := range runs {
		if want := 1 + 2*(len(id)%2); n != want {
			t.Errorf("%s ran %d times, want %d", id, n, want)
		}
	}
}

// A worker that stops hands back what it has not run, and the next one has it
// at once. That is no reason to bury it.
func TestAFullQueueIsHandedOn(t *testing.T) {
	for workers, ackWait := range map[int]time.Duration{
		2: time.Minute,      // what waits for it is seen
		6: 10 * time.Second, // for which it may wait now: this is more often than anything is given to workers that die
	} {
		t.Run(fmt.Sprint("by ", workers), func(t *testing.T) {
			t.Parallel()
			nc := conn(t)
			q := small["messages"]
			q.AckWait = ackWait
			c := clientOf(t, nc, q)
			handles := fill(t, c)
			var handedBack uint64
			for range workers {
				handedBack += workBriefly(t, nc, q)
			}
			if handedBack == 0 {
				t.Error("nothing was handed back")
			}
			w, err := natsbatch.NewWorker(within(t), nc, q, echo, natsbatch.WorkerOptions{})
			worker(t, w, err)
			begun := time.Now()
			wantAll(t, c, handles)
			if took := time.Since(begun); took > 30*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// Others may have filled the server's store, in which the queue has room.
func TestAFullServerIsFull(t *testing.T) {
	s := start(t, t.TempDir(), embed.Options{MaxStore: 8 << 20})
	js := connect(t, s)
	nc, err := s.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	c := clientOf(t, nc, natsbatch.Queue{Endpoint: "test", MaxBytes: 1 << 20, ResultBytes: 1 << 20})
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "other", Subjects: []string{"other"}}); err != nil {
		t.Fatal(err)
	}
	var full *jetstream.APIError // and no other error: the machine may be busy
	for !errors.As(err, &full) {
		_, err = js.Publish(within(t), "other", make([]byte, 1<<20))
	}
	for name, came := range begin(c) {
		if err := end(t, name, came); !errors.Is(err, natsbatch.ErrFull) {
			t.Errorf("%s: %v, want ErrFull", name, err)
		}
	}
}

// workBriefly has a worker that stops as soon as it runs something, and tells how
// much it has handed back.
func workBriefly(t *testing.T, nc *nats.Conn, q natsbatch.Queue) uint64 {
	t.Helper()
	running := make(chan struct{}, q.MaxMessages)
	w, err := natsbatch.NewWorker(within(t), nc, q, func(_ context.Context, reqs []string) ([]string, error) {
		running <- struct{}{}
		time.Sleep(50 * time.Millisecond) // until the worker is told to stop
		return reqs, nil
	}, natsbatch.WorkerOptions{Batch: batcher.Options{MaxSize: 4}})
	worker(t, w, err)
	<-running
	if err := w.Shutdown(within(t)); err != nil {
		t.Fatal(err)
	}
	return w.Stats().HandedBack
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for name, q := range small {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nc := conn(t)
			a := admin(t, nc, q)
			if u, err := a.Usage(within(t)); err != nil || u.Bytes != 0 || u.Messages != 0 {
				t.Errorf("of an empty queue: %+v, %v", u, err)
			}
			n := int64(len(fill(t, clientOf(t, nc, q))))
			u, err := a.Usage(within(t))
			if err != nil || u.Messages != n || u.Messages < u.MaxMessages && u.Bytes < u.MaxBytes*9/10 || u.Bytes > u.MaxBytes {
				t.Errorf("of a full queue of %d messages: %+v, %v", n, u, err)
			}
		})
	}
}
