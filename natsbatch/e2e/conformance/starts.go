package conformance

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobatcher/batcher"
)

// fullAtOnce: a full batch does not wait for company.
func fullAtOnce(t *testing.T, drive Driver) {
	s := drive(t, answerAll, batcher.Options{MaxSize: 8, Delay: time.Hour})
	reqs := names("r", 8)
	expect(t, reqs, doAll(patient(t), s, reqs))
}

// neverOverMaxSize: no batch is larger than MaxSize.
func neverOverMaxSize(t *testing.T, drive Driver) {
	var most atomic.Int64
	s := drive(t, func(ctx context.Context, reqs []string) ([]string, error) {
		for n := int64(len(reqs)); ; {
			if old := most.Load(); n <= old || most.CompareAndSwap(old, n) {
				return answerAll(ctx, reqs)
			}
		}
	}, batcher.Options{MaxSize: 5, MaxConcurrent: 3})
	reqs := names("r", 100)
	expect(t, reqs, doAll(patient(t), s, reqs))
	if got := most.Load(); got > 5 {
		t.Errorf("a batch had %d requests", got)
	}
}

// delayGathers: requests that come within Delay share a batch.
func delayGathers(t *testing.T, drive Driver) {
	var batches atomic.Int64
	s := drive(t, func(ctx context.Context, reqs []string) ([]string, error) {
		batches.Add(1)
		return answerAll(ctx, reqs)
	}, batcher.Options{MaxSize: 100, Delay: 500 * time.Millisecond})
	reqs := names("r", 20)
	expect(t, reqs, doAll(patient(t), s, reqs))
	if got := batches.Load(); got > 5 {
		t.Errorf("%d requests at once took %d batches", len(reqs), got)
	}
}

// loneRequest: one alone waits for Delay and no longer.
func loneRequest(t *testing.T, drive Driver) {
	const delay = 200 * time.Millisecond
	s := drive(t, answerAll, batcher.Options{MaxSize: 100, Delay: delay})
	began := time.Now()
	expect(t, []string{"lone"}, doAll(patient(t), s, []string{"lone"}))
	if took := time.Since(began); took < delay/2 {
		t.Errorf("took %v, with a Delay of %v", took, delay)
	}
}

// slots: MaxConcurrent batches run at once, and no more.
func slots(t *testing.T, drive Driver) {
	const count = 3
	g := newGate()
	var running, most atomic.Int64
	s := drive(t, func(ctx context.Context, reqs []string) ([]string, error) {
		if n := running.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer running.Add(-1)
		return g.hold(ctx, reqs)
	}, batcher.Options{MaxSize: 1, MaxConcurrent: count})
	t.Cleanup(g.open)
	reqs := names("r", 3*count)
	var group sync.WaitGroup
	group.Go(func() { expect(t, reqs, doAll(patient(t), s, reqs)) })
	for range count {
		g.next(t)
	}
	select {
	case <-g.entered:
		t.Errorf("more than %d batches run", count)
	case <-time.After(100 * time.Millisecond):
	}
	g.open()
	group.Wait()
	if got := most.Load(); got > count {
		t.Errorf("%d batches ran at once", got)
	}
}
