package batcher_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
)

// recorder has a Func that notes each batch as "when trigger [requests]" and
// answers ten times the request. It belongs to one synctest bubble.
type recorder struct {
	start time.Time
	gate  chan struct{} // nil: batches return at once; else each takes one value first

	mu    sync.Mutex
	notes []string
}

// record makes a recorder whose batches return at once.
func record() *recorder { return &recorder{start: time.Now()} }

// hold makes a recorder whose batches return when they are released.
func hold() *recorder { return &recorder{start: time.Now(), gate: make(chan struct{})} }

func (r *recorder) process(ctx context.Context, reqs []int) ([]int, error) {
	return r.run(ctx, fmt.Sprint(reqs), reqs)
}

// processKey is process for a Keyed; it notes the key before the requests.
func (r *recorder) processKey(ctx context.Context, key string, reqs []int) ([]int, error) {
	return r.run(ctx, key+fmt.Sprint(reqs), reqs)
}

func (r *recorder) run(ctx context.Context, what string, reqs []int) ([]int, error) {
	info, _ := batcher.FromContext(ctx)
	r.mu.Lock()
	r.notes = append(r.notes, fmt.Sprint(time.Since(r.start), " ", info.Trigger, " ", what))
	r.mu.Unlock()
	if r.gate != nil {
		<-r.gate
	}
	return tenfold(reqs), nil
}

// until lets virtual time pass up to the instant at, counted from the start.
func (r *recorder) until(at time.Duration) {
	time.Sleep(at - time.Since(r.start))
	synctest.Wait()
}

// release lets n batches return, one after the other, and what follows from it happen.
func (r *recorder) release(n int) {
	for range n {
		r.gate <- struct{}{}
		synctest.Wait()
	}
}

// expect compares all batches so far, once nothing moves any more.
func (r *recorder) expect(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.notes, want) {
		t.Errorf("batches\n got %q\nwant %q", r.notes, want)
	}
}

func tenfold(reqs []int) []int {
	res := make([]int, len(reqs))
	for i, req := range reqs {
		res[i] = 10 * req
	}
	return res
}

// answerAll is a Func that answers ten times the request and notes nothing.
func answerAll(_ context.Context, reqs []int) ([]int, error) { return tenfold(reqs), nil }

// submitAll submits requests with a context that never ends.
func submitAll(b *batcher.Batcher[int, int], reqs ...int) []batcher.Future[int] {
	futures := make([]batcher.Future[int], len(reqs))
	for i, req := range reqs {
		futures[i] = b.Submit(context.Background(), req)
	}
	return futures
}

// expectAnswers waits for the futures, whose answers are want in this order.
func expectAnswers(t *testing.T, futures []batcher.Future[int], want ...int) {
	t.Helper()
	if len(futures) != len(want) {
		t.Fatalf("%d futures, %d answers wanted", len(futures), len(want))
	}
	for i, f := range futures {
		if got, err := f.Wait(context.Background()); got != want[i] || err != nil {
			t.Errorf("answer %d: got %d, %v, want %d", i, got, err, want[i])
		}
	}
}

// expectErrors waits for the futures, each of which fails with want.
func expectErrors(t *testing.T, want error, futures ...batcher.Future[int]) {
	t.Helper()
	for i, f := range futures {
		if got, err := f.Wait(context.Background()); got != 0 || !errors.Is(err, want) {
			t.Errorf("answer %d: got %d, %v, want the error %v", i, got, err, want)
		}
	}
}

// outcome is what a call that waits came back with, and when.
type outcome struct {
	value int
	err   error
	at    time.Duration
}

// later runs call in a goroutine and passes on what it comes back with.
func (r *recorder) later(call func() (int, error)) <-chan outcome {
	c := make(chan outcome, 1)
	go func() {
		value, err := call()
		c <- outcome{value, err, time.Since(r.start)}
	}()
	synctest.Wait()
	return c
}

// closed reports whether c is closed.
func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
