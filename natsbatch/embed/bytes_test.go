package embed_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
)

// Once Do or Submit has returned, however it did, its caller may use the
// request's bytes for something else.
func TestARequestIsTheCallersAgain(t *testing.T) {
	nc := conn(t)
	c := client[[]byte, bool](t, nc, natsbatch.ClientOptions{})
	var runs, torn atomic.Int64
	w, err := natsbatch.NewWorker(within(t), nc, queue, func(_ context.Context, reqs [][]byte) ([]bool, error) {
		for _, r := range reqs {
			runs.Add(1)
			if bytes.ContainsRune(r, 'Z') {
				torn.Add(1)
			}
		}
		return make([]bool, len(reqs)), nil
	}, natsbatch.WorkerOptions{})
	worker(t, w, err)
	var callers sync.WaitGroup
	for caller := range 16 {
		callers.Go(func() {
			req := make([]byte, 8<<10)
			for i := range 50 {
				copy(req, bytes.Repeat([]byte{'a'}, len(req)))
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i*17%1000)*time.Microsecond)
				if caller%2 == 0 {
					c.Do(ctx, req)
				} else {
					c.Submit(ctx, req)
				}
				copy(req, bytes.Repeat([]byte{'Z'}, len(req)))
				cancel()
			}
		})
	}
	callers.Wait()
	if _, err := c.Do(within(t), nil); err != nil {
		t.Fatal(err)
	}
	if torn.Load() > 0 {
		t.Errorf("%d of %d requests ran with other bytes", torn.Load(), runs.Load())
	}
}

// Whoever gets a request or a result may write to it.
func TestBytesAreTheirReadersOwn(t *testing.T) {
	nc := conn(t)
	c := client[[]byte, []byte](t, nc, natsbatch.ClientOptions{})
	var runs atomic.Int64
	w, err := natsbatch.NewWorker(within(t), nc, queue, func(_ context.Context, reqs [][]byte) ([][]byte, error) {
		res := make([][]byte, len(reqs))
		for i, r := range reqs {
			res[i] = bytes.Clone(r)
			clear(r)
		}
		if runs.Add(1) == 1 {
			return nil, natsbatch.Retry(errors.New("once more"))
		}
		return res, nil
	}, natsbatch.WorkerOptions{})
	worker(t, w, err)
	h, err := c.Submit(within(t), []byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		res, err := c.Wait(within(t), h)
		if err != nil || string(res) != "hello" {
			t.Errorf("got %q, %v", res, err)
		}
		clear(res)
	}
}
