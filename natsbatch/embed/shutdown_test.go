package embed_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/natsbatch"
	"github.com/nats-io/nats-server/v2/server"
)

// What Func returns when Shutdown has run out of time, another worker finds out anew.
func TestNothingIsSettledAfterShutdownRanOutOfTime(t *testing.T) {
	for name, late := range map[string]func(context.Context) error{
		"an error because of the context": context.Cause,
		"a result":                        func(context.Context) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nc := conn(t)
			q := natsbatch.Queue{Endpoint: "test", AckWait: 2 * time.Second}
			c := clientOf(t, nc, q)
			running, end := make(chan struct{}), make(chan struct{})
			first, err := natsbatch.NewWorker(within(t), nc, q, func(ctx context.Context, _ []string) ([]string, error) {
				running <- struct{}{}
				<-ctx.Done()
				<-end
				return []string{"first"}, late(ctx)
			}, natsbatch.WorkerOptions{})
			worker(t, first, err)
			got := make(chan string)
			go func() {
				res, err := c.Do(within(t), "r")
				if err != nil {
					res = err.Error()
				}
				got <- res
			}()
			<-running
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if err := first.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Shutdown: %v", err)
			}
			close(end)
			second, err := natsbatch.NewWorker(within(t), nc, q, func(context.Context, []string) ([]string, error) { return []string{"second"}, nil }, natsbatch.WorkerOptions{})
			worker(t, second, err)
			if res := <-got; res != "second" {
				t.Errorf("Do got %q", res)
			}
		})
	}
}

// A worker ends whose server is away and whose replies come to nobody.
func TestCloseWithoutAServer(t *testing.T) {
	t.Parallel()
	s := serve(t, server.Options{})
	q := natsbatch.Queue{Endpoint: "test", AckWait: 2 * time.Second}
	w, _, got := cutOff(t, s, q)
	closed := make(chan error, 1)
	go func() { closed <- w.Close() }()
	if err := soon(t, "Close", closed); err != nil {
		t.Errorf("Close: %v", err)
	}
	next, err := natsbatch.NewWorker(within(t), dial(t, s.ClientURL()), q, echo, natsbatch.WorkerOptions{})
	worker(t, next, err)
	if err := soon(t, "Do", got); err != nil {
		t.Errorf("Do: %v", err)
	}
}

// As many batches run at once as may, and none begins once the worker is told to stop.
func TestBatchesThatWaitForASlotDoNotBeginAfterShutdown(t *testing.T) {
	t.Parallel()
	const slots = 100
	nc := conn(t)
	c := client[string, string](t, nc, natsbatch.ClientOptions{})
	running, end := make(chan struct{}, 2*slots), make(chan struct{})
	w, err := natsbatch.NewWorker(within(t), nc, queue, func(_ context.Context, reqs []string) ([]string, error) {
		running <- struct{}{}
		<-end
		return reqs, nil
	}, natsbatch.WorkerOptions{Batch: batcher.Options{MaxSize: 1, MaxConcurrent: slots}})
	worker(t, w, err)
	var handles []natsbatch.Handle
	for range slots + slots/2 {
		handles = append(handles, submitAll(t, c, "r")...)
	}
	for range slots {
		soon(t, "a batch", running)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := w.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: %v", err)
	}
	close(end)
	if err := w.Shutdown(within(t)); err != nil {
		t.Error(err)
	}
	if n := w.Stats().Batches; n != slots {
		t.Errorf("%d batches ran, want the %d that ran before", n, slots)
	}
	second, err := natsbatch.NewWorker(within(t), nc, queue, echo, natsbatch.WorkerOptions{Batch: batcher.Options{MaxConcurrent: 4}})
	worker(t, second, err)
	wantAll(t, c, handles)
}
