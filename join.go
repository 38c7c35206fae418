package batcher

import (
	"context"
	"math"
	"time"
)

// This file is how requests get into the open batch. Most take a shortcut: those
// with context.Background() that neither open the batch, nor fill it, nor make it
// due, so that all there is to do is to write them down. With it a burst takes 0.6
// of the instructions and 0.7 of the time.

// enlist puts an admitted request of a Do into a batch. It returns its place,
// what to wait for, and whether to yield first. b.mu is held, and released.
func (b *Batcher[Req, Res]) enlist(e entry, due time.Duration, req Req) (batch *Batch[Req, Res], i int, wake <-chan struct{}, yields bool) {
	batch, i = b.join(e, due, req)
	wake, yields = batch.signal(i), i > 0 && b.yields(i, e.done != nil)
	b.unlock()
	return batch, i, wake, yields
}

// join puts a request into the open batch, and returns that batch and the
// request's place in it. It opens one if there is none or the request would
// overflow it. b.mu is held.
func (b *Batcher[Req, Res]) join(e entry, due time.Duration, req Req) (*Batch[Req, Res], int) {
	if e.ctx == nil && b.reaches() {
		return b.open, b.open.put(req)
	}
	batch := b.open
	if batch == nil || batch.overloads(e.weight) {
		batch = b.reopen()
	}
	i := batch.add(e, due, req)
	if !b.openDue || batch.size >= b.limit || batch.heavy() {
		b.review(batch)
	}
	b.extend(batch)
	return batch, i
}

// reopen opens a batch for a request, and starts the one that is open, if any.
// b.mu is held.
func (b *Batcher[Req, Res]) reopen() *Batch[Req, Res] {
	if b.open != nil {
		b.seal(b.open, TriggerWeight)
	}
	b.open = b.newBatch()
	b.open.first()
	return b.open
}

// shortcut puts a request into the open batch, behind others, and returns with
// b.mu held. Otherwise it returns nil with b.mu released, and the request must be
// admitted.
func (b *Batcher[Req, Res]) shortcut(ctx context.Context, req Req) (batch *Batch[Req, Res], i int) {
	if b.reach.Load() == 0 || ctx != context.Background() {
		return nil, 0 // the lock would be taken twice
	}
	if !b.mu.TryLock() { // as lock does, without a call
		b.lockContended()
	}
	if b.reaches() && b.room.enter() {
		return b.open, b.open.put(req)
	}
	b.mu.Unlock()
	return nil, 0
}

// reaches reports whether a request without a context may just be put into the
// open batch. b.mu is held.
func (b *Batcher[Req, Res]) reaches() bool {
	return b.open != nil && b.open.size < min(int(b.reach.Load()), b.limit-1)
}

// extend lets the next requests take the shortcut into batch, which is open unless
// the last one has started it, up to the place at which there is more to do. b.mu
// is held.
func (b *Batcher[Req, Res]) extend(batch *Batch[Req, Res]) {
	n := min(cap(batch.reqs), math.MaxInt32)
	if !b.openDue {
		n = min(n, b.enough-1)
	}
	switch {
	case n <= batch.size,
		b.weigh != nil || b.maxWeight < never, // each adds to the weight
		batch.ctxs != nil,                     // each has a context, and others may have deadlines
		batch.scattered,                       // each waits for a signal of its own
		batch.overdue && !b.openDue:           // one of them makes it due
		n = 0
	}
	b.setReach(n)
}

// setReach writes b.reach if it changes: that costs as much as taking a lock.
// b.mu is held.
func (b *Batcher[Req, Res]) setReach(n int) {
	if int(b.reach.Load()) != n {
		b.reach.Store(int32(n))
	}
}
