package subject

import (
	"context"
	"sync"

	"github.com/gobatcher/batcher"
)

const module = "github.com/gobatcher/batcher"

var batcherIdle = Subject{
	Name:     BatcherIdle,
	Kind:     Ours,
	Module:   module,
	Use:      "Options{MaxSize, MaxConcurrent}: a batch takes any free slot",
	Results:  "yes",
	Errors:   "yes, per batch or per request",
	Contexts: "yes, per request",
	Handlers: "MaxConcurrent",
	Start: func(s Settings) Service {
		return startBatcher(s, batcher.Options{}, background)
	},
}

var batcherIdleCancel = Subject{
	Name:     BatcherIdleCancel,
	Kind:     Ours,
	Module:   module,
	Use:      "batcher-idle with a cancellable context per caller",
	Results:  batcherIdle.Results,
	Errors:   batcherIdle.Errors,
	Contexts: batcherIdle.Contexts,
	Handlers: batcherIdle.Handlers,
	Start: func(s Settings) Service {
		return startBatcher(s, batcher.Options{}, cancellable)
	},
}

var batcherDelay = Subject{
	Name:     BatcherDelay,
	Kind:     Ours,
	Module:   module,
	Use:      "Options{MaxSize, Delay, MaxConcurrent}: a batch waits for company",
	Results:  batcherIdle.Results,
	Errors:   batcherIdle.Errors,
	Contexts: batcherIdle.Contexts,
	Handlers: batcherIdle.Handlers,
	Start: func(s Settings) Service {
		return startBatcher(s, batcher.Options{Delay: s.Delay}, background)
	},
}

func background() (context.Context, context.CancelFunc) { return context.Background(), func() {} }

func cancellable() (context.Context, context.CancelFunc) {
	return context.WithCancel(context.Background())
}

type batcherService struct {
	b          *batcher.Batcher[int, int]
	newContext func() (context.Context, context.CancelFunc)

	mu      sync.Mutex
	cancels []context.CancelFunc // guarded by mu
}

func startBatcher(s Settings, opts batcher.Options, newContext func() (context.Context, context.CancelFunc)) Service {
	opts.MaxSize = s.MaxSize
	opts.MaxConcurrent = s.Handlers
	fn := func(_ context.Context, reqs []int) ([]int, error) {
		s.Work(len(reqs))
		return reqs, nil
	}
	return &batcherService{b: batcher.New(fn, opts), newContext: newContext}
}

func (s *batcherService) Caller() func(int) (int, error) {
	ctx, cancel := s.newContext()
	s.mu.Lock()
	s.cancels = append(s.cancels, cancel)
	s.mu.Unlock()
	return func(req int) (int, error) { return s.b.Do(ctx, req) }
}

func (s *batcherService) Burst(n int) (func(int), func(int) (int, error)) {
	ctx := context.Background()
	futures := make([]batcher.Future[int], n)
	submit := func(i int) { futures[i] = s.b.Submit(ctx, i) }
	collect := func(i int) (int, error) { return futures[i].Wait(ctx) }
	return submit, collect
}

func (s *batcherService) Stop() {
	// Close cannot fail here: nothing is in flight.
	_ = s.b.Close()
	for _, cancel := range s.cancels {
		cancel()
	}
}
