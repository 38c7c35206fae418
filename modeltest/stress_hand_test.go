package modeltest

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/gobatcher/batcher"
)

// TestStressBatch has many goroutines fill, start, cancel and watch one batch
// by hand after the other.
func TestStressBatch(t *testing.T) {
	for end := time.Now().Add(*stressFor / 6); time.Now().Before(end); {
		s := &stress{rules: handRules(batcher.BatchOptions{}), stop: make(chan struct{})}
		b := batcher.NewBatch(func(ctx context.Context, reqs []Request) ([]int, error) { return s.fn(ctx, -1, reqs) },
			batcher.BatchOptions{MaxSize: rand.IntN(12), StartWhenFull: rand.IntN(2) == 0})
		var hands sync.WaitGroup
		for range 8 {
			hands.Go(func() { s.handle(b) })
		}
		hands.Wait()
		canceled := b.Cancel() // one that is empty has not started
		s.checkResults(b)
		s.check(canceled == (b.State() == batcher.StateCanceled), "Cancel said %v, the batch is %v", canceled, b.State())
		if s.fault != "" {
			t.Fatal(s.fault)
		}
	}
}

// handle is one goroutine's part.
func (s *stress) handle(b handle) {
	var fs []batcher.Future[int]
	var qs []*stressed
	for range 3 {
		q := s.request()
		q.refused = true
		f, err := b.Add(q.ctx, q.Request)
		_, again := f.Wait(settled)
		s.check(err == nil || err == again, "Add said %v, its Future %v", err, again)
		qs, fs = append(qs, q), append(fs, f)
	}
	switch rand.IntN(12) {
	case 0:
		b.Cancel()
	case 1:
		_ = b.Start()
	case 2:
		_ = b.StartAfter(time.Duration(rand.IntN(100)) * time.Microsecond)
	case 3:
		qs[0].left = fs[0].Cancel()
	}
	s.watch(b)
	_ = b.Start()
	for i, q := range qs {
		s.await(q, fs[i])
	}
}

// checkResults checks that a batch that is over has an answer for each.
func (s *stress) checkResults(b handle) {
	results, err := b.Results(context.Background())
	s.check(len(results) == b.Len(), "%d results for %d requests", len(results), b.Len())
	for _, r := range results {
		s.check(r.Err != nil || s.wasAsked(r.Value), "nobody asked for %d", r.Value)
		s.check(b.State() != batcher.StateCanceled || errors.Is(err, batcher.ErrCanceled), "the canceled batch has the error %v", err)
	}
}

// wasAsked reports whether value is the answer to a request that Func got.
func (s *stress) wasAsked(value int) bool {
	v, ok := s.seen.Load(value - answerTo(0))
	return ok && v.(*stressed).inFunc.Load()
}
