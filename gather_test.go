package batcher_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/gobatcher/batcher"
)

// All callers of a batch come back before the slot that has answered them takes
// the next one, although another processor has nothing to do meanwhile. Where
// the slot does not wait for them it takes half as many batches more, and only
// in real time: a bubble's clock stands still until that processor sleeps. The
// best of three runs counts, since the system may stop a processor.
func TestCallersThatComeBackFillTheNextBatch(t *testing.T) {
	const calls, most = 100, 133
	for name, opts := range map[string]batcher.Options{
		"goroutines":   {},
		"Options.Go":   {Go: func(run func()) { go run() }},
		"full batches": {MaxSize: 64},
	} {
		t.Run(name, func(t *testing.T) {
			batches := batchesOf64Callers(t, calls, opts)
			for range 2 {
				if batches > most {
					batches = min(batches, batchesOf64Callers(t, calls, opts))
				}
			}
			if batches > most {
				t.Errorf("%d batches for %d calls of each of 64 callers", batches, calls)
			}
		})
	}
}

// batchesOf64Callers returns how many batches a Func of 1 ms runs until each
// caller has called so often.
func batchesOf64Callers(t *testing.T, calls int, opts batcher.Options) uint64 {
	b := batcher.New(func(_ context.Context, reqs []int) ([]int, error) {
		time.Sleep(time.Millisecond)
		return reqs, nil
	}, opts)
	defer b.Close()
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for i := range calls {
				if got, err := b.Do(t.Context(), i); got != i || err != nil {
					t.Errorf("request %d got %d, %v", i, got, err)
				}
			}
		})
	}
	wg.Wait()
	return b.Stats().Batches
}
