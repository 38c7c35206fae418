package embed_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/natsbatch"
	"github.com/gobatcher/batcher/natsbatch/embed"
	"github.com/nats-io/nats.go"
)

func start(t *testing.T) *nats.Conn {
	t.Helper()
	s, err := embed.Start(t.TempDir(), embed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	nc, err := s.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func TestDoAndSubmit(t *testing.T) {
	nc := start(t)
	q := natsbatch.Queue{Endpoint: "square"}
	w, err := natsbatch.NewWorker(t.Context(), nc, q, func(_ context.Context, reqs []int) ([]int, error) {
		res := make([]int, len(reqs))
		for i, r := range reqs {
			res[i] = r * r
		}
		return res, nil
	}, natsbatch.WorkerOptions{Batch: batcher.Options{MaxSize: 64, Delay: 5 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	c, err := natsbatch.NewClient[int, int](t.Context(), nc, q, natsbatch.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var wg sync.WaitGroup
	for i := range 1000 {
		wg.Go(func() {
			if got, err := c.Do(t.Context(), i); err != nil || got != i*i {
				t.Errorf("Do(%d): %d, %v", i, got, err)
			}
			h, err := c.Submit(t.Context(), i)
			if err != nil {
				t.Errorf("Submit(%d): %v", i, err)
				return
			}
			if got, err := c.Wait(t.Context(), h); err != nil || got != i*i {
				t.Errorf("Wait(%d): %d, %v", i, got, err)
			}
			if i%50 == 0 {
				h, err := c.Submit(t.Context(), i, natsbatch.Key(fmt.Sprint("k", i)))
				if err != nil {
					t.Errorf("Submit key (%d): %v", i, err)
					return
				}
				if got, err := c.Wait(t.Context(), h); err != nil || got != i*i {
					t.Errorf("Wait(%d): %d, %v", i, got, err)
				}
			}
		})
	}
	wg.Wait()
}
