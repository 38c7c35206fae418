package gateway

import (
	"context"
	"sync"
	"unique"

	"github.com/gobatcher/batcher"
)

// share is an item with its part of a batch's limits. The Batcher gets pointers:
// it would allocate each share a second time to ask for its Weight.
type share struct {
	Item
	part int
}

// Weight is for the Batcher.
func (s *share) Weight() int { return s.part }

// inProcess is the Dispatcher of a route that brings none.
type inProcess struct {
	// A Key is large to copy and to compare. An Outcome is large to return through
	// the frames of a caller that waits.
	keyed *batcher.Keyed[unique.Handle[Key], *share, *Outcome]
	scale scale

	// together is held for reading while the items of a call are submitted. A
	// slot that starts waits for that; else it would take the first of them and
	// leave the others to a second upstream call.
	together sync.RWMutex
}

// newInProcess returns the Dispatcher of r, which has its defaults.
func newInProcess(r Route, process Process) *inProcess {
	fn := func(ctx context.Context, key unique.Handle[Key], reqs []*share) ([]*Outcome, error) {
		items := make([]Item, len(reqs))
		for i, req := range reqs {
			items[i] = req.Item
		}
		outcomes, err := process(ctx, key.Value(), items)
		each := make([]*Outcome, len(outcomes))
		for i := range outcomes {
			each[i] = &outcomes[i]
		}
		return each, err
	}
	d := &inProcess{scale: r.scale()}
	opts := r.options()
	opts.Go = func(task func()) {
		go func() {
			d.whole()
			task()
		}()
	}
	d.keyed = batcher.NewKeyed(fn, opts)
	return d
}

// whole waits until no call is partly submitted.
func (d *inProcess) whole() {
	d.together.Lock()
	defer d.together.Unlock()
}

// share is not inlined into Dispatch, whose frame is on the stack of every caller
// that waits.
//
//go:noinline
func (d *inProcess) share(item Item) *share { return &share{item, d.scale.share(item)} }

func (d *inProcess) Dispatch(ctx context.Context, key Key, items []Item) ([]Outcome, error) {
	handle := unique.Make(key)
	if len(items) > 1 {
		return d.several(ctx, handle, items)
	}
	outcome, err := d.keyed.Do(ctx, handle, d.share(items[0]))
	if err != nil {
		return nil, err
	}
	return []Outcome{*outcome}, nil
}

func (d *inProcess) several(ctx context.Context, key unique.Handle[Key], items []Item) ([]Outcome, error) {
	shares := make([]*share, len(items))
	for i, item := range items {
		if shares[i] = d.share(item); shares[i].part > scaleFull { // before any other of them is sent
			return nil, batcher.ErrTooHeavy
		}
	}
	futures := d.submit(ctx, key, shares)
	outcomes := make([]Outcome, len(items))
	for i, future := range futures {
		outcome, err := future.Wait(ctx)
		if err != nil {
			leave(futures)
			return nil, err
		}
		outcomes[i] = *outcome
	}
	return outcomes, nil
}

// submit submits the items of a call together.
func (d *inProcess) submit(ctx context.Context, key unique.Handle[Key], shares []*share) []batcher.Future[*Outcome] {
	d.together.RLock()
	defer d.together.RUnlock()
	futures := make([]batcher.Future[*Outcome], len(shares))
	for i, one := range shares {
		futures[i] = d.keyed.Submit(ctx, key, one)
	}
	return futures
}

// leave tells the batches of a call that nobody waits for it any more.
func leave(futures []batcher.Future[*Outcome]) {
	for _, future := range futures {
		future.Cancel()
	}
}

func (d *inProcess) Shutdown(ctx context.Context) error { return d.keyed.Shutdown(ctx) }
func (d *inProcess) Stats() batcher.Stats               { return d.keyed.Stats() }
