package subject

import (
	"context"

	"github.com/graph-gophers/dataloader/v7"
)

var dataloaderPeer = Subject{
	Name:     "dataloader",
	Kind:     Peer,
	Module:   "github.com/graph-gophers/dataloader/v7",
	Use:      "Load and its thunk; no cache, WithBatchCapacity, WithWait, an input buffer of one batch",
	Results:  "yes",
	Errors:   "yes, per request",
	Contexts: "the first one goes to Func; no caller is freed by its own",
	Handlers: "unbounded, cannot be set",
	Start:    startDataloader,
}

type dataloaderService struct {
	loader *dataloader.Loader[int, int]
}

func startDataloader(s Settings) Service {
	fn := func(_ context.Context, keys []int) []*dataloader.Result[int] {
		s.Work(len(keys))
		results := make([]dataloader.Result[int], len(keys))
		out := make([]*dataloader.Result[int], len(keys))
		for i, key := range keys {
			results[i].Data = key
			out[i] = &results[i]
		}
		return out
	}
	return dataloaderService{dataloader.NewBatchedLoader(fn,
		dataloader.WithCache[int, int](&dataloader.NoCache[int, int]{}),
		dataloader.WithBatchCapacity[int, int](s.MaxSize),
		dataloader.WithInputCapacity[int, int](s.MaxSize),
		dataloader.WithWait[int, int](s.Delay),
	)}
}

func (s dataloaderService) Caller() func(int) (int, error) {
	ctx := context.Background()
	return func(req int) (int, error) { return s.loader.Load(ctx, req)() }
}

func (s dataloaderService) Burst(n int) (func(int), func(int) (int, error)) {
	ctx := context.Background()
	thunks := make([]dataloader.Thunk[int], n)
	submit := func(i int) { thunks[i] = s.loader.Load(ctx, i) }
	collect := func(i int) (int, error) { return thunks[i]() }
	return submit, collect
}

func (s dataloaderService) Stop() {}
