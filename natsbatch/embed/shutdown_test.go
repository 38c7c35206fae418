package embed_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
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
			q := natsbatch.Queue{Endpoint: "test", AckWait: time.Second}
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
