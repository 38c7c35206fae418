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
// in real time: a bubble's clock stands still until that processor sleeps.
func TestCallersThatComeBackFillTheNextBatch(t *testing.T) {
	const callers, calls = 64, 100
	for name, launch := range map[string]func(func()){"goroutines": nil, "Options.Go": func(run func()) { go run() }} {
		t.Run(name, func(t *testing.T) {
			b := batcher.New(func(_ context.Context, reqs []int) ([]int, error) {
				time.Sleep(time.Millisecond)
				return reqs, nil
			}, batcher.Options{Go: launch})
			defer b.Close()
			var wg sync.WaitGroup
			for range callers {
				wg.Go(func() {
					for i := range calls {
						if got, err := b.Do(t.Context(), i); got != i || err != nil {
							t.Errorf("request %d got %d, %v", i, got, err)
						}
					}
				})
			}
			wg.Wait()
			if s := b.Stats(); s.Batches > calls*4/3 {
				t.Errorf("%d batches for %d calls of each of %d callers", s.Batches, calls, callers)
			}
		})
	}
}
