package batcher

import "context"

// This file is how callers wait for their answers and read them. With leave.go
// it makes *Batch implement claims.

// more is what few batches need.
type more[Req, Res any] struct {
	fates     []fate // by place; shorter where the rest has none
	weights   []int  // by place, with a Weigher
	weight    int    // their sum, without those that count no more
	withdrawn int    // requests
	left      int    // callers that left while Func ran

	done    chan struct{}         // Batch.Done
	own     map[int]chan struct{} // signals for one request each, by place
	watches []watch

	moved int              // requests, to other batches
	head  int              // the place before which all are gone
	parts []part[Req, Res] // what has moved, and where to, by place
}

// watch withdraws the requests from first to last when their contexts, which
// share a Done, end. A caller that submits many with one context pays for one
// watch.
type watch struct {
	done        <-chan struct{}
	first, last int
	stop        func() bool
}

// settle wakes all waiters and ends the watches.
func (m *more[Req, Res]) settle(then *after) {
	then.close(m.done)
	for _, c := range m.own {
		then.close(c)
	}
	for _, w := range m.watches {
		if w.stop != nil {
			then.call(w.stop)
		}
	}
	m.done, m.own, m.watches, m.weights = nil, nil, nil, nil
}

// extra returns b.more, which it makes if need be. owner.mu is held.
func (b *Batch[Req, Res]) extra() *more[Req, Res] {
	if b.more == nil {
		b.more = &more[Req, Res]{}
	}
	return b.more
}

// signals are what the callers of a batch wait for: those at even places for
// one channel, those at odd places for another. A goroutine that parks holds
// its channel's lock, and two processors that take turns at one lock wait for
// each other: with 1,024 callers and one channel a request takes 1.04 times as
// long.
type signals [2]chan struct{}

func newSignals() signals { return signals{make(chan struct{}, 1), make(chan struct{}, 1)} }

// of returns what the caller of request i waits for.
func (s *signals) of(i int) <-chan struct{} {
	c := &s[i%len(s)]
	if *c == nil {
		*c = make(chan struct{}, 1)
	}
	return *c
}

// close wakes all waiters.
func (s *signals) close(then *after) {
	for _, c := range s {
		then.close(c)
	}
	*s = signals{}
}

// signal returns a channel that is closed when request i has its answer, or
// earlier. owner.mu is held.
func (b *Batch[Req, Res]) signal(i int) <-chan struct{} {
	if b.scattered && b.now() < StateRunning {
		return b.ownSignal(i)
	}
	return b.wake.of(i)
}

// ownSignal returns a channel that is closed when request i has its answer.
// owner.mu is held.
func (b *Batch[Req, Res]) ownSignal(i int) <-chan struct{} {
	c := b.extra().own[i]
	if c == nil {
		c = make(chan struct{})
		b.adopt(i, c)
	}
	return c
}

// adopt makes c the own signal of request i. owner.mu is held.
func (b *Batch[Req, Res]) adopt(i int, c chan struct{}) {
	m := b.extra()
	if m.own == nil {
		m.own = make(map[int]chan struct{})
	}
	m.own[i] = c
}

// await waits until request i has its answer and reports true, or false when
// done is closed first.
func (b *Batch[Req, Res]) await(done, wake <-chan struct{}, i int) bool {
	for {
		select {
		case <-wake:
		case <-done:
			return b.look(i) == closedChan
		}
		if wake = b.look(i); wake == closedChan {
			return true
		}
	}
}

// lone reports whether the batch is one Do's alone: then its signal is a
// value sent and not a close, so that it can be used again. owner.mu is held
// or the batch has ended.
func (b *Batch[Req, Res]) lone() bool { return b.size == 1 && !b.known }

// within is how a Do waits if its context can end.
func (b *Batch[Req, Res]) within(e entry, wake <-chan struct{}, i int) (res Res, err error) {
	select {
	case <-wake:
		if b.complete() {
			return b.collect(i)
		}
	case <-e.done:
	}
	return b.stay(e, i) // the context has ended, or wake was closed on a neighbour's account
}

// stay is how a Do goes on waiting, or leaves because its context has ended.
func (b *Batch[Req, Res]) stay(e entry, i int) (res Res, err error) {
	if b.await(e.done, closedChan, i) {
		return b.answer(i)
	}
	cause := causeOf(e.ctx)
	if b.depart(i, cause) {
		return b.answer(i)
	}
	return res, cause
}

// collect is how a Do that was woken reads its answer. If it was alone in its
// batch, the batch is used again: nobody else knows of it, and its signal has
// been received.
func (b *Batch[Req, Res]) collect(i int) (Res, error) {
	if i > 0 && b.state.Load() >= plain {
		return b.get(i)
	}
	if !b.complete() {
		return b.wait(context.Background(), i)
	}
	res, err := b.read(i)
	if b.lone() {
		pool := b.owner.pool
		b.owner, b.res, b.err, b.more = nil, nil, nil, nil
		pool.spare.Store(b)
	}
	return res, err
}

// complete reports whether the batch and all its requests have ended: those
// that have moved may run for longer.
func (b *Batch[Req, Res]) complete() bool { return b.ended() && (b.more == nil || b.more.parts == nil) }

// settled reports whether request i, which has not moved, has its answer.
// owner.mu is held.
func (b *Batch[Req, Res]) settled(i int) bool { return b.ended() || b.isGone(i) }

// look returns a channel that is closed when request i has its answer, or
// earlier; if it has one, closedChan.
func (b *Batch[Req, Res]) look(i int) <-chan struct{} {
	if b.complete() {
		return closedChan
	}
	b.owner.mu.Lock()
	defer b.owner.mu.Unlock()
	b, i = b.locate(i)
	if b.settled(i) {
		return closedChan
	}
	return b.signal(i)
}

// answer returns the answer to request i, which has one.
func (b *Batch[Req, Res]) answer(i int) (Res, error) {
	if b.complete() {
		return b.read(i)
	}
	b.owner.mu.Lock()
	defer b.owner.mu.Unlock()
	b, i = b.locate(i)
	return b.read(i)
}

// read is answer for a request that has not moved. The batch has ended or
// owner.mu is held.
func (b *Batch[Req, Res]) read(i int) (res Res, err error) {
	if m := b.more; m != nil && i < len(m.fates) && m.fates[i].err != nil {
		return res, m.fates[i].err
	}
	return b.get(i)
}

func (b *Batch[Req, Res]) wait(ctx context.Context, i int) (res Res, err error) {
	if b.complete() {
		return b.read(i)
	}
	if wake := b.look(i); wake != closedChan && !b.await(ctx.Done(), wake, i) {
		return res, causeOf(ctx)
	}
	return b.answer(i)
}

func (b *Batch[Req, Res]) done(i int) <-chan struct{} {
	b.owner.mu.Lock()
	defer b.owner.mu.Unlock()
	b, i = b.locate(i)
	if b.settled(i) {
		return closedChan
	}
	return b.ownSignal(i)
}

func (b *Batch[Req, Res]) cancel(i int) bool {
	b.depart(i, ErrCanceled)
	b.owner.mu.Lock()
	defer b.owner.mu.Unlock()
	b, i = b.locate(i)
	return b.isGone(i) || b.canceled()
}
