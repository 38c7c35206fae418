package batcher

import "context"

// This file is how callers wait, leave, and are told. It makes Batch the
// claims that a Future holds.

// fate is what befell one request apart from its batch.
type fate struct {
	err       error // its own answer; nil: the batch's
	withdrawn bool  // before Func was entered
	left      bool  // its caller, while Func ran
}

// more is what few batches need.
type more struct {
	done    chan struct{}         // Batch.Done
	own     map[int]chan struct{} // one request's own signal, by place
	watches []watch
}

// watch withdraws the requests from first to last when the context that they
// share ends. One caller that submits many pays for one.
type watch struct {
	done        <-chan struct{}
	first, last int
	stop        func() bool
}

// settle wakes who waits and ends the watches.
func (m *more) settle(then *after) {
	then.close(m.done)
	for _, c := range m.own {
		then.close(c)
	}
	for _, w := range m.watches {
		if w.stop != nil {
			then.stop = append(then.stop, w.stop)
		}
	}
	*m = more{}
}

// extra gives what few batches need. owner.mu is held.
func (b *Batch[Req, Res]) extra() *more {
	if b.more == nil {
		b.more = &more{}
	}
	return b.more
}

// claim gives the claim on request i and sees to it that the end of its
// context withdraws it. owner.mu is held, and released.
func (b *Batch[Req, Res]) claim(e entry, i int) Future[Res] {
	b.futures++
	w, fresh := b.watch(e.done, i)
	b.owner.unlock()
	if fresh {
		stop := context.AfterFunc(e.ctx, func() { b.expire(w, context.Cause(e.ctx)) })
		b.keep(w, stop)
	}
	return Future[Res]{from: b, index: i}
}

// watch finds or makes the watch for request i and gives its number. owner.mu
// is held. AfterFunc comes later, since it may call into the context.
func (b *Batch[Req, Res]) watch(done <-chan struct{}, i int) (n int, fresh bool) {
	if done == nil {
		return 0, false
	}
	m := b.extra()
	n = len(m.watches) - 1
	if n >= 0 && m.watches[n].done == done && m.watches[n].last == i-1 {
		m.watches[n].last = i
		return n, false
	}
	m.watches = append(m.watches, watch{done: done, first: i, last: i})
	return n + 1, true
}

// keep stores what ends watch n, or ends it if the batch has ended meanwhile.
func (b *Batch[Req, Res]) keep(n int, stop func() bool) {
	b.owner.mu.Lock()
	ended := b.ended()
	if !ended {
		b.more.watches[n].stop = stop
	}
	b.owner.mu.Unlock()
	if ended {
		stop()
	}
}

// expire withdraws the requests of watch n.
func (b *Batch[Req, Res]) expire(n int, cause error) {
	b.owner.mu.Lock()
	defer b.owner.unlock()
	if b.now() >= StateRunning {
		return
	}
	w := &b.more.watches[n]
	w.done = nil // it is spent: who comes later needs another
	for i, last := w.first, w.last; i <= last; i++ {
		b.withdraw(i, cause)
	}
}

// ending is a request whose context has ended.
type ending struct {
	index int
	cause error
}

// endings finds the requests whose context has ended, before Func is entered.
// owner.mu is not held: the batch collects no more, and contexts are foreign
// code.
func (b *Batch[Req, Res]) endings() (found []ending) {
	for i, ctx := range b.ctxs {
		if ctx.Err() != nil {
			found = append(found, ending{i, context.Cause(ctx)})
		}
	}
	return found
}

// withdraw takes request i out before Func is entered and answers it with
// err. owner.mu is held.
func (b *Batch[Req, Res]) withdraw(i int, err error) {
	if b.ended() || b.isWithdrawn(i) {
		return
	}
	o, f := b.owner, b.fate(i)
	f.err, f.withdrawn = err, true
	b.withdrawn++
	var none Req
	b.reqs[i] = none
	if o.strict {
		b.weight -= b.weightOf(i)
	}
	o.answered(1, &o.stats.Canceled)
	b.tell(i)
	switch {
	case b.withdrawn == b.size && !o.hand && b.waits():
		b.abort(ErrCanceled, &o.stats.Canceled) // so that it holds nothing, and the next one has a delay of its own
	case b.collects():
		o.review(b)
	}
}

// fate gives request i's own fate. owner.mu is held.
func (b *Batch[Req, Res]) fate(i int) *fate {
	for len(b.fates) <= i {
		b.fates = append(b.fates, make([]fate, b.size-len(b.fates))...)
	}
	return &b.fates[i]
}

// isWithdrawn reports whether request i was withdrawn. owner.mu is held.
func (b *Batch[Req, Res]) isWithdrawn(i int) bool { return i < len(b.fates) && b.fates[i].withdrawn }

// tell wakes who waits for request i, which got its answer before its batch
// did. The first time it wakes all who wait for the batch; from then on each
// who waits has a signal of its own, so that n withdrawals cost n wake-ups and
// not n². owner.mu is held.
func (b *Batch[Req, Res]) tell(i int) {
	if b.futures == 0 {
		return // only Do waits here, each for its own context too
	}
	o := b.owner
	if c := b.extra().own[i]; c != nil {
		delete(b.more.own, i)
		o.after.close(c)
	}
	b.scattered = true
	o.after.close(b.wake)
	b.wake = nil
}

// signal gives what is closed when request i has its answer, or before.
// owner.mu is held.
func (b *Batch[Req, Res]) signal(i int) <-chan struct{} {
	if b.scattered && b.now() < StateRunning {
		return b.ownSignal(i)
	}
	if b.wake == nil {
		b.wake = make(chan struct{}, 1)
	}
	return b.wake
}

// ownSignal gives what is closed when request i has its answer. owner.mu is held.
func (b *Batch[Req, Res]) ownSignal(i int) <-chan struct{} {
	m := b.extra()
	if m.own == nil {
		m.own = make(map[int]chan struct{})
	}
	if m.own[i] == nil {
		m.own[i] = make(chan struct{})
	}
	return m.own[i]
}

// await waits until request i has its answer and reports true, or false when
// done is closed first.
func (b *Batch[Req, Res]) await(done, wake <-chan struct{}, i int) bool {
	for {
		select {
		case <-wake:
		case <-done:
			return b.answered(i)
		}
		if b.ended() {
			return true
		}
		b.owner.mu.Lock()
		if b.settled(i) {
			b.owner.mu.Unlock()
			return true
		}
		wake = b.signal(i)
		b.owner.mu.Unlock()
	}
}

// lone reports whether the batch has answered a single Do that nobody else
// knows of, so that all of it can be used again.
func (b *Batch[Req, Res]) lone() bool {
	return b.ended() && b.size == 1 && b.futures == 0 && b.fates == nil
}

// within is how a Do waits whose ctx can end.
func (b *Batch[Req, Res]) within(ctx context.Context, wake <-chan struct{}, i int) (res Res, err error) {
	if b.await(ctx.Done(), wake, i) || b.depart(i, context.Cause(ctx)) {
		return b.collect(i)
	}
	return res, context.Cause(ctx)
}

// collect is how a Do that was woken reads its answer.
func (b *Batch[Req, Res]) collect(i int) (Res, error) {
	if b.lone() {
		res, err := b.read(i)
		b.owner.spare.Store(b)
		return res, err
	}
	return b.wait(context.Background(), i)
}

// settled reports whether request i has its answer. owner.mu is held.
func (b *Batch[Req, Res]) settled(i int) bool { return b.ended() || b.isWithdrawn(i) }

// answered is settled with owner.mu not held.
func (b *Batch[Req, Res]) answered(i int) bool {
	b.owner.mu.Lock()
	defer b.owner.mu.Unlock()
	return b.settled(i)
}

// depart takes the caller of request i out: before Func is entered the
// request is withdrawn with err, and while Func runs its caller counts as
// having left. It reports whether the request has its answer.
func (b *Batch[Req, Res]) depart(i int, err error) bool {
	b.owner.mu.Lock()
	if b.now() < StateRunning {
		b.withdraw(i, err)
	}
	settled := b.settled(i)
	run := b.run
	if !settled && !b.fate(i).left {
		b.fate(i).left = true
		b.left++
	}
	alone := !settled && b.left == run.info.Size
	b.owner.unlock()
	if alone {
		run.end(ErrCanceled)
	}
	return settled
}

// answer gives the answer to request i, which has one.
func (b *Batch[Req, Res]) answer(i int) (Res, error) {
	if b.ended() {
		return b.read(i)
	}
	b.owner.mu.Lock()
	defer b.owner.mu.Unlock()
	return b.read(i)
}

// read is answer where nothing changes any more, or with owner.mu held.
func (b *Batch[Req, Res]) read(i int) (res Res, err error) {
	if i < len(b.fates) && b.fates[i].err != nil {
		return res, b.fates[i].err
	}
	if b.err != nil {
		return res, b.err
	}
	return b.res[i], nil
}

func (b *Batch[Req, Res]) wait(ctx context.Context, i int) (res Res, err error) {
	if !b.ended() {
		b.owner.mu.Lock()
		settled, wake := b.settled(i), b.signal(i)
		b.owner.mu.Unlock()
		if !settled && !b.await(ctx.Done(), wake, i) {
			return res, context.Cause(ctx)
		}
	}
	return b.answer(i)
}

func (b *Batch[Req, Res]) done(i int) <-chan struct{} {
	b.owner.mu.Lock()
	defer b.owner.mu.Unlock()
	if b.settled(i) {
		return closedChan
	}
	return b.ownSignal(i)
}

func (b *Batch[Req, Res]) cancel(i int) bool {
	b.depart(i, ErrCanceled)
	b.owner.mu.Lock()
	defer b.owner.mu.Unlock()
	return b.isWithdrawn(i) || b.canceled()
}
