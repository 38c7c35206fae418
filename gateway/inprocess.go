package gateway

import (
	"context"

	"github.com/gobatcher/batcher"
)

// share is an item with its part of a batch's limits.
type share struct {
	Item
	part int
}

// Weight is for the Batcher.
func (s share) Weight() int { return s.part }

// inProcess is the Dispatcher of a route that brings none.
type inProcess struct {
	keyed *batcher.Keyed[Key, share, Outcome]
	scale scale
}

// newInProcess batches as r, which has its defaults, says.
func newInProcess(r Route, process Process) *inProcess {
	fn := func(ctx context.Context, key Key, reqs []share) ([]Outcome, error) {
		items := make([]Item, len(reqs))
		for i, req := range reqs {
			items[i] = req.Item
		}
		return process(ctx, key, items)
	}
	return &inProcess{keyed: batcher.NewKeyed(fn, r.options()), scale: r.scale()}
}

func (d *inProcess) share(item Item) share { return share{item, d.scale.share(item)} }

func (d *inProcess) Dispatch(ctx context.Context, key Key, items []Item) ([]Outcome, error) {
	outcomes := make([]Outcome, len(items))
	if len(items) == 1 {
		var err error
		outcomes[0], err = d.keyed.Do(ctx, key, d.share(items[0]))
		return outcomes, err
	}
	futures := make([]batcher.Future[Outcome], len(items))
	for i, item := range items {
		futures[i] = d.keyed.Submit(ctx, key, d.share(item))
	}
	for i, future := range futures {
		var err error
		if outcomes[i], err = future.Wait(ctx); err != nil {
			leave(futures)
			return nil, err
		}
	}
	return outcomes, nil
}

// leave tells the batches of a call that nobody waits for it any more.
func leave(futures []batcher.Future[Outcome]) {
	for _, future := range futures {
		future.Cancel()
	}
}

func (d *inProcess) Shutdown(ctx context.Context) error { return d.keyed.Shutdown(ctx) }
func (d *inProcess) Stats() batcher.Stats               { return d.keyed.Stats() }
