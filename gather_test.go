package batcher

import (
	"context"
	"math"
	"sync"
	"testing"
	"time"
)

// All callers of a batch come back before the slot that has answered them takes
// the next one, although another processor has nothing to do meanwhile: but for
// the few that this one is slow to run, batches are full. A slot that does not
// trail takes a quarter to a half more of them. Both are counted in turn, in
// real time: a bubble's clock stands still until the other processor sleeps.
func TestCallersThatComeBackFillTheNextBatch(t *testing.T) {
	const calls, rounds = 100, 3
	for name, opts := range map[string]Options{
		"goroutines":   {},
		"Options.Go":   {Go: func(run func()) { go run() }},
		"full batches": {MaxSize: 64},
	} {
		t.Run(name, func(t *testing.T) {
			trails, yields := 0, 0
			for range rounds {
				trails += batchesOf64Callers(t, calls, opts, 0)
				yields += batchesOf64Callers(t, calls, opts, math.MaxInt)
			}
			full := rounds * calls
			if trails > full*11/10 && trails > yields*9/10 {
				t.Errorf("%d batches, of which %d could be full, and %d by slots that do not trail", trails, full, yields)
			}
		})
	}
}

// batchesOf64Callers returns how many batches a Func of 1 ms runs until each
// caller has called so often. For as many batches slots do not trail.
func batchesOf64Callers(t *testing.T, calls int, opts Options, impatient int) int {
	b := New(func(_ context.Context, reqs []int) ([]int, error) {
		time.Sleep(time.Millisecond)
		return reqs, nil
	}, opts)
	defer b.Close()
	b.impatient = impatient
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
	return int(b.Stats().Batches)
}
