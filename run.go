package batcher

import (
	"context"
	"math"
	"slices"
	"time"
)

// This file is what happens to a batch from its first request to its last
// answer. All of it is called with owner.mu held unless it says otherwise.

// add puts a request in and returns its place.
func (b *Batch[Req, Res]) add(e entry, due time.Duration, req Req) int {
	o := b.owner
	if n := len(b.reqs); n == cap(b.reqs) {
		b.reqs = slices.Grow(b.reqs, n+1) // append alone adds a quarter: a LoadAll of 100,000 keys takes 1.2 times as long
	}
	if e.ctx != nil || b.ctxs != nil {
		b.remember(e.ctx)
	}
	i := b.put(req)
	if o.weigh != nil {
		m := b.extra()
		m.weights = append(m.weights, e.weight)
		m.weight = sum(m.weight, e.weight)
	}
	if e.done != nil {
		b.watchful = true
	}
	if o.lingers && o.open == b {
		o.hurry(due)
	}
	return i
}

// put writes a request down and returns its place.
func (b *Batch[Req, Res]) put(req Req) int {
	b.reqs = append(b.reqs, req)
	b.size++
	return b.size - 1
}

// sum is a + b, or math.MaxInt if that overflows.
func sum(a, b int) int {
	if b > math.MaxInt-a {
		return math.MaxInt
	}
	return a + b
}

// first makes the batch, the open one, ready for its first request.
func (b *Batch[Req, Res]) first() {
	o := b.owner
	b.opened = o.clock()
	if o.alarm != nil {
		o.linger(b.opened)
	}
	if b.reqs == nil {
		b.reqs = make([]Req, 0, max(1, int(o.last)))
	}
}

// remember notes the context of the request that is added next, nil for
// context.Background(). While all are that one, nothing is noted: with
// 1,000,000 requests pending that takes a quarter off the time of each.
func (b *Batch[Req, Res]) remember(ctx context.Context) {
	if b.ctxs == nil {
		b.ctxs = make([]context.Context, 0, cap(b.reqs))
		for range b.size {
			b.ctxs = append(b.ctxs, context.Background())
		}
	}
	if ctx == nil {
		ctx = context.Background()
	}
	b.ctxs = append(b.ctxs, ctx)
}

// mostSpare bounds the room that a batch is made with because the last one
// filled it.
const mostSpare = 1 << 14

// begin marks the batch as running, under the context run: from here on no
// request is withdrawn. It reports whether there is anything to run; if not,
// the batch has ended and run is unchanged.
func (b *Batch[Req, Res]) begin(run *funcContext) bool {
	o := b.owner
	if b.waiting() == 0 {
		b.settle(StateDone)
		return false
	}
	weight := b.weight()
	if b.gone() > 0 {
		weight = b.compact()
	}
	run.info = Info{Size: len(b.reqs), Weight: weight, Trigger: b.trigger, Opened: o.epoch.Add(b.opened)}
	run.ctxs = b.ctxs
	if o.timed {
		run.entered = o.clock()
	}
	b.run = run
	b.setState(StateRunning)
	o.running.push(b)
	o.stats.Running++
	o.stats.Batches++
	o.stats.started[b.trigger]++
	return true
}

// compact drops the requests that are gone from what Func gets, and returns the
// weight of the others.
func (b *Batch[Req, Res]) compact() (weight int) {
	n := 0
	for i := range b.reqs {
		if !b.isGone(i) {
			b.reqs[n] = b.reqs[i]
			if b.ctxs != nil {
				b.ctxs[n] = b.ctxs[i]
			}
			weight = sum(weight, b.weightOf(i))
			n++
		}
	}
	clear(b.reqs[n:])
	b.reqs = b.reqs[:n]
	if b.ctxs != nil {
		clear(b.ctxs[n:])
		b.ctxs = b.ctxs[:n]
	}
	return weight
}

func (b *Batch[Req, Res]) weightOf(i int) int {
	if b.owner.weigh == nil {
		return 1
	}
	return b.more.weights[i]
}

// lighten takes the weight of request i, which is gone, off the batch's.
func (b *Batch[Req, Res]) lighten(i int) {
	if b.owner.weigh != nil {
		b.more.weight -= b.more.weights[i]
	}
}

// finish answers the callers with what Func returned, and says what comes next
// for the slot's goroutine. If that is another batch, finish takes it as
// pool.pick does, unless spare is nil. spare is the context for its run, made
// before the lock is taken. owner.mu is not held.
func (b *Batch[Req, Res]) finish(a answers[Res], spare *funcContext) (then step, next *Batch[Req, Res]) {
	o, n := b.owner, b.run.info.Size
	b.run.end(context.Canceled)
	var now time.Duration
	if o.timed || n > 1 {
		now = o.clock()
	}

	o.lock()
	if n > 1 {
		o.ways.compare(n, now)
		o.yielding = now-b.opened < soon && o.ways.yields
		o.trailed(now - b.opened)
	}
	o.trails = n > 1 && !o.yielding
	b.res, b.err = a.res, a.err
	failed := n
	if a.err == nil {
		failed = b.spread(a.each)
	}
	if o.timed {
		o.observe(n, now-b.run.entered, failed == n)
	}
	o.count(failed, &o.stats.Failed)
	o.count(n-failed, &o.stats.Succeeded)
	o.running.remove(b)
	o.stats.Running--
	wake, alone := b.wake, b.lone()
	b.wake = signals{}
	b.settle(StateDone)
	if alone {
		b.wake = wake // stays with the batch, which may be used again
	}
	o.letIn() // first, since it may add to what comes next
	o.coming++
	if o.unused == nil {
		o.unused = spare
	}
	if then = o.step(); then == proceed && spare != nil {
		if next = o.pick(); next == nil {
			then = end
		}
	}
	o.unlockApart()
	switch {
	case wake == signals{}:
	case alone:
		wake[0] <- struct{}{}
	default:
		for _, c := range wake {
			if c != nil {
				close(c)
			}
		}
		if !b.known && n <= mostPrepared {
			o.prepare(n)
		}
	}
	return then, next
}

// spread lays results and errors out by place if some requests are gone, and
// counts the errors.
func (b *Batch[Req, Res]) spread(each Errors) (failed int) {
	if each == nil && b.gone() == 0 {
		return 0
	}
	res := make([]Res, b.size)
	k := 0
	for i := range res {
		if b.isGone(i) {
			continue
		}
		res[i] = b.res[k]
		if each != nil && each[k] != nil {
			b.fate(i).err = each[k]
			failed++
		}
		k++
	}
	b.res = res
	return failed
}

// settle ends the batch, whose answers are in place.
func (b *Batch[Req, Res]) settle(s State) {
	o := b.owner
	b.wake.close(&o.after)
	b.reqs, b.ctxs, b.run = nil, nil, nil
	if b.more == nil || b.more.fates == nil && b.more.parts == nil {
		b.state.Store(uint32(s) | plain)
	} else {
		b.setState(s)
	}
	if b.taken {
		o.active--
	}
	if b.more != nil {
		b.more.settle(&o.after)
	}
	o.rest()
}

// abort ends a batch that waits: all requests without an answer get err.
func (b *Batch[Req, Res]) abort(err error, counter *uint64) {
	o := b.owner
	if o.open == b {
		o.setOpenDue(false)
		o.shut(b, b.trigger)
	} else {
		o.unseal(b)
	}
	b.fail(err, counter)
}

// fail ends a batch that is in no list and has not run.
func (b *Batch[Req, Res]) fail(err error, counter *uint64) {
	b.err = err
	b.owner.count(b.waiting(), counter)
	b.settle(StateCanceled)
}
