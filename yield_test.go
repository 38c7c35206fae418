package batcher_test

import (
	"context"
	"sync"
	"testing"

	"github.com/gobatcher/batcher"
)

// Few callers and a crowd, with contexts that can end and without, where
// answers come soon.
func TestCallersThatKeepComingBackGetTheirAnswers(t *testing.T) {
	for _, c := range []struct{ callers, calls int }{{8, 500}, {5000, 10}} {
		b := batcher.New(answerAll, batcher.Options{MaxSize: 64})
		k := batcher.NewKeyed(func(_ context.Context, key int, reqs []int) ([]int, error) {
			for i := range reqs {
				reqs[i] += key
			}
			return reqs, nil
		}, batcher.Options{MaxSize: 64})
		ctx, cancel := context.WithCancel(context.Background())
		var callers sync.WaitGroup
		for caller := range c.callers {
			callers.Go(func() {
				for call := range c.calls {
					ctx := ctx
					if call%2 == 0 {
						ctx = context.Background()
					}
					req := caller*c.calls + call
					if got, err := b.Do(ctx, req); got != 10*req || err != nil {
						t.Errorf("request %d got %d, %v", req, got, err)
					}
					if got, err := k.Do(ctx, call%2, req); got != req+call%2 || err != nil {
						t.Errorf("request %d of key %d got %d, %v", req, call%2, got, err)
					}
				}
			})
		}
		callers.Wait()
		cancel()
		b.Close()
		k.Close()
	}
}
