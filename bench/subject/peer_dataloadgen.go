package subject

import (
	"context"

	"github.com/vikstrous/dataloadgen"
)

var dataloadgenPeer = Subject{
	Name:     "dataloadgen",
	Kind:     Peer,
	Module:   "github.com/vikstrous/dataloadgen",
	Use:      "Load and LoadThunk; WithoutCache, WithBatchCapacity, WithWait",
	Results:  "yes",
	Errors:   "yes, per request",
	Contexts: "the first one goes to Func; no caller is freed by its own",
	Handlers: "unbounded, cannot be set",
	Start:    startDataloadgen,
}

type dataloadgenService struct {
	loader *dataloadgen.Loader[int, int]
}

func startDataloadgen(s Settings) Service {
	fn := func(_ context.Context, keys []int) ([]int, []error) {
		s.Work(len(keys))
		return keys, nil
	}
	return dataloadgenService{dataloadgen.NewLoader(fn,
		dataloadgen.WithoutCache(),
		dataloadgen.WithBatchCapacity(s.MaxSize),
		dataloadgen.WithWait(s.Delay),
	)}
}

func (s dataloadgenService) Caller() func(int) (int, error) {
	ctx := context.Background()
	return func(req int) (int, error) { return s.loader.Load(ctx, req) }
}

func (s dataloadgenService) Burst(n int) (func(int), func(int) (int, error)) {
	ctx := context.Background()
	thunks := make([]func() (int, error), n)
	submit := func(i int) { thunks[i] = s.loader.LoadThunk(ctx, i) }
	collect := func(i int) (int, error) { return thunks[i]() }
	return submit, collect
}

func (s dataloadgenService) Stop() {}
