package batcher

// This file is where batches, the contexts of their runs and the tails of slots
// come from: made when needed, prepared beforehand, or used again.

func makeBatch[Req, Res any](owner *Batcher[Req, Res]) *Batch[Req, Res] {
	batch := &Batch[Req, Res]{owner: owner}
	batch.claims = batch
	return batch
}

// mostPrepared bounds the room of a batch that is prepared: an idle Batcher
// keeps one.
const mostPrepared = 1 << 10

// prepare makes the next batch, with room for n requests, if only Dos come. The
// first of them would make it with the lock held, and sooner or later each
// would need 4 KiB of stack for that instead of 2. With 10,000 callers this
// makes a request take 0.96 times as long; a burst of Submits would take 1.03
// times as long. newBatch sets its owner; until then it keeps no key alive.
// p.mu is not held.
func (p *pool[Req, Res]) prepare(n int) {
	if p.spare.Load() != nil {
		return
	}
	batch := makeBatch[Req, Res](nil)
	batch.reqs, batch.wake = make([]Req, 0, n), newSignals()
	p.spare.CompareAndSwap(nil, batch)
}

// newBatch makes a batch, or takes one that was prepared or that a lone Do has
// used. b.mu is held.
func (b *Batcher[Req, Res]) newBatch() *Batch[Req, Res] {
	batch := b.spare.Swap(nil)
	if batch == nil {
		return makeBatch(b)
	}
	batch.owner, batch.size = b, 0
	batch.watchful, batch.overdue, batch.hurried, batch.taken, batch.scattered = false, false, false, false, false
	batch.setState(StateOpen)
	return batch
}

// newContext returns the context of the next run of Func: the one that was made
// before the lock was taken, if there is one. p.mu is held.
func (p *pool[Req, Res]) newContext() *funcContext {
	run := p.unused
	p.unused = nil
	if run == nil {
		run = &funcContext{}
	}
	return run
}

// newTail makes a tail, or takes one that a slot has left.
func (p *pool[Req, Res]) newTail() *tail {
	if left := p.tail.Swap(nil); left != nil {
		return left
	}
	back := make(chan struct{})
	return &tail{back, func() {
		back <- struct{}{}
		go nothing()
	}}
}

// nothing is no func literal in newTail, as those of generic code are allocated
// each time.
func nothing() {}
