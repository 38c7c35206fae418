package subject

import (
	"context"

	"github.com/gobatcher/batcher"
)

// keyedOneKey sends everything to one key, to show what looking up a key costs.
var keyedOneKey = Subject{
	Name:     KeyedOneKey,
	Kind:     Ours,
	Module:   module,
	Use:      "Keyed with the Options of batcher-idle, one key",
	Results:  batcherIdle.Results,
	Errors:   batcherIdle.Errors,
	Contexts: batcherIdle.Contexts,
	Handlers: batcherIdle.Handlers,
	Start:    startKeyed,
}

const onlyKey = 7

type keyedService struct {
	k *batcher.Keyed[int, int, int]
}

func startKeyed(s Settings) Service {
	fn := func(_ context.Context, _ int, reqs []int) ([]int, error) {
		s.Work(len(reqs))
		return reqs, nil
	}
	return keyedService{batcher.NewKeyed(fn, batcher.Options{MaxSize: s.MaxSize, MaxConcurrent: s.Handlers})}
}

func (s keyedService) Caller() func(int) (int, error) {
	ctx := context.Background()
	return func(req int) (int, error) { return s.k.Do(ctx, onlyKey, req) }
}

func (s keyedService) Burst(n int) (func(int), func(int) (int, error)) {
	ctx := context.Background()
	futures := make([]batcher.Future[int], n)
	submit := func(i int) { futures[i] = s.k.Submit(ctx, onlyKey, i) }
	collect := func(i int) (int, error) { return futures[i].Wait(ctx) }
	return submit, collect
}

// Stop ignores Close's error: nothing is in flight, so nothing can be lost.
func (s keyedService) Stop() { _ = s.k.Close() }
