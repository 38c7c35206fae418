package batcher

import (
	"context"
	"slices"
	"sort"
)

// This file is how a request, or its caller, leaves a batch before its answer.

// fate is what happened to one request apart from its batch.
type fate struct {
	err       error // its own answer; nil: the batch's
	withdrawn bool  // before Func was entered
	left      bool  // its caller, while Func ran
}

// claim returns the Future of request i, which the end of its context withdraws
// from now on. apart is set for callers that must not wait for Options.Go.
// owner.mu is held, and released.
func (b *Batch[Req, Res]) claim(e entry, i int, apart bool) Future[Res] {
	b.known = true
	if e.done == nil {
		b.owner.release(apart)
		return Future[Res]{of: &b.outcome, index: i}
	}
	w, fresh := b.watch(e.done, i)
	b.owner.release(apart)
	if fresh {
		b.follow(e.ctx, w)
	}
	return Future[Res]{of: &b.outcome, index: i}
}

// follow makes the end of ctx set off watch n.
func (b *Batch[Req, Res]) follow(ctx context.Context, n int) {
	b.keep(n, context.AfterFunc(ctx, func() { b.expire(n) }))
}

// watch finds or makes the watch for request i and returns its number. owner.mu
// is held. context.AfterFunc may call into the context and so comes later,
// after Options.Go, which may wait; a watch is shared only once AfterFunc has
// been called.
func (b *Batch[Req, Res]) watch(done <-chan struct{}, i int) (n int, fresh bool) {
	m := b.extra()
	n = len(m.watches) - 1
	if n >= 0 && m.watches[n].done == done && m.watches[n].stop != nil && m.watches[n].last == i-1 {
		m.watches[n].last = i
		return n, false
	}
	m.watches = append(m.watches, watch{done: done, first: i, last: i})
	return n + 1, true
}

// keep stores the function that ends watch n, or calls it if the watch is spent
// by now.
func (b *Batch[Req, Res]) keep(n int, stop func() bool) {
	b.owner.mu.Lock()
	spent := b.ended() || b.more.watches[n].done == nil
	if !spent {
		b.more.watches[n].stop = stop
	}
	b.owner.mu.Unlock()
	if spent {
		stop()
	}
}

// unwatch ends the watch of request i, which was withdrawn, if all requests that
// it watches are gone: its stop refers to their context. owner.mu is held.
func (b *Batch[Req, Res]) unwatch(i int) {
	watches := b.more.watches
	n := sort.Search(len(watches), func(n int) bool { return i <= watches[n].last })
	if n == len(watches) || i < watches[n].first {
		return
	}
	w := &watches[n]
	for w.first <= w.last && b.isGone(w.first) {
		w.first++
	}
	if w.first <= w.last {
		return
	}
	if w.stop != nil {
		b.owner.after.call(w.stop)
	}
	w.done, w.stop = nil, nil
}

// expire withdraws the requests of watch n, each with the cause of its own
// context: those with one Done may differ in Err. owner.mu is not held.
func (b *Batch[Req, Res]) expire(n int) {
	first, ctxs := b.spend(n)
	causes := make([]error, len(ctxs))
	for i, ctx := range ctxs {
		causes[i] = causeOf(ctx) // foreign code, so not under the lock
	}
	b.owner.mu.Lock()
	defer b.owner.unlockApart()
	for i, cause := range causes {
		if at, place := b.locate(first + i); at.now() < StateRunning {
			at.withdraw(place, cause)
		}
	}
}

// spend ends watch n, so that later requests need another, and returns the
// contexts of its requests and the place of the first. owner.mu is not held.
func (b *Batch[Req, Res]) spend(n int) (first int, ctxs []context.Context) {
	b.owner.mu.Lock()
	defer b.owner.mu.Unlock()
	if b.now() >= StateRunning {
		return 0, nil
	}
	w := &b.more.watches[n]
	w.done, w.stop = nil, nil
	return w.first, slices.Clone(b.ctxs[w.first : w.last+1])
}

// ending is a request whose context has ended.
type ending struct {
	index int
	cause error
}

// endings finds the requests whose context has ended, before Func is entered.
// owner.mu is not held, since contexts are foreign code; it need not be, since
// the batch no longer collects.
func (b *Batch[Req, Res]) endings() (found []ending) {
	for i, ctx := range b.ctxs {
		if ctx.Err() != nil {
			found = append(found, ending{i, causeOf(ctx)})
		}
	}
	return found
}

// withdraw takes request i out before Func is entered and answers it with
// err. owner.mu is held.
func (b *Batch[Req, Res]) withdraw(i int, err error) {
	if b.ended() || b.isGone(i) {
		return
	}
	o, f := b.owner, b.fate(i)
	f.err, f.withdrawn = err, true
	b.more.withdrawn++
	var none Req
	b.reqs[i] = none
	if b.ctxs != nil && !b.taken { // else endings may be reading them
		b.ctxs[i] = context.Background() // to free what its own refers to before the batch ends
	}
	b.unwatch(i)
	if o.strict {
		b.lighten(i)
	}
	o.count(1, &o.stats.Canceled)
	b.tell(i)
	switch {
	case b.waiting() == 0 && !o.hand && b.waits():
		b.abort(ErrCanceled, &o.stats.Canceled) // to free it, and to give the next one a delay of its own
	case b.collects():
		o.review(b)
	}
}

// fate returns the fate of request i. owner.mu is held.
func (b *Batch[Req, Res]) fate(i int) *fate {
	m := b.extra()
	if len(m.fates) <= i {
		m.fates = append(m.fates, make([]fate, b.size-len(m.fates))...)
	}
	return &m.fates[i]
}

// isGone reports whether request i was withdrawn or has moved. owner.mu is
// held.
func (b *Batch[Req, Res]) isGone(i int) bool {
	m := b.more
	return m != nil && (i < len(m.fates) && m.fates[i].withdrawn || i < m.head)
}

// gone counts the requests that were withdrawn or have moved. owner.mu is
// held.
func (b *Batch[Req, Res]) gone() int {
	if b.more == nil {
		return 0
	}
	return b.more.withdrawn + b.more.moved
}

// desertion is the number of places from which on a batch that waits for a slot
// takes no more requests if seven of eight are gone. Each place takes memory
// until the batch has ended, also those of callers that come and leave while
// Func is stuck.
const desertion = 1024

// deserted reports whether nearly all requests are gone. owner.mu is held.
func (b *Batch[Req, Res]) deserted() bool {
	return b.size >= desertion && b.waiting() <= b.size/8
}

// waiting counts the requests that are not gone. owner.mu is held.
func (b *Batch[Req, Res]) waiting() int { return b.size - b.gone() }

// tell wakes the waiters of request i, which got its answer before its batch
// did. The first time it wakes all waiters of the batch; from then on each has
// a signal of its own, so that n withdrawals cost n wake-ups and not n².
// owner.mu is held.
func (b *Batch[Req, Res]) tell(i int) {
	if !b.known {
		return // only Dos wait here, each for its own context too
	}
	o := b.owner
	if c := b.extra().own[i]; c != nil {
		delete(b.more.own, i)
		o.after.close(c)
	}
	b.disperse()
}

// disperse wakes all waiters of the batch; those that go on waiting get a
// signal of their own. owner.mu is held.
func (b *Batch[Req, Res]) disperse() {
	b.scattered = true
	b.wake.close(&b.owner.after)
}

// depart takes the caller of request i out: before Func is entered the
// request is withdrawn with err, and while Func runs its caller counts as
// having left. It reports whether the request has its answer.
func (b *Batch[Req, Res]) depart(i int, err error) bool {
	b.owner.mu.Lock()
	b, i = b.locate(i)
	if b.now() < StateRunning {
		b.withdraw(i, err)
	}
	settled := b.settled(i)
	run := b.run
	if !settled && !b.fate(i).left {
		b.fate(i).left = true
		b.more.left++
	}
	alone := !settled && b.more.left == run.info.Size
	b.owner.unlockApart()
	if alone {
		run.end(ErrCanceled)
	}
	return settled
}
