package batcher

import (
	"runtime"
	"sync/atomic"
)

// This file is the life of a slot.

// relieve has a new goroutine run the batch that was just sealed in the place
// of one that gathers, if there is one. A gatherer stands behind all that is
// ready to run; a new goroutine runs next, while the batch is warm in the
// cache. Measured with 10,000 callers: half the time a request. p.mu is held.
func (p *pool[Req, Res]) relieve() {
	if p.gathering > 0 && p.launch == nil {
		p.gathering--
		p.relieved++
		p.after.relieve, p.after.any = p.after.relieve+1, true
	}
}

// start runs a slot, already counted as are the others still to start. If Go
// panics all those slots are given back, and the panic goes on.
func (p *pool[Req, Res]) start(gather bool, others int) {
	if p.launch == nil {
		go p.work(gather)
		return
	}
	var taken atomic.Bool // by the task, or by the clean-up before Go ran it
	returned := false
	defer func() {
		if returned {
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if taken.CompareAndSwap(false, true) {
			p.giveUp(gather)
		}
		for range others {
			p.giveUp(gather)
		}
	}()
	p.launch(func() {
		if taken.CompareAndSwap(false, true) {
			p.work(gather)
		}
	})
	returned = true
}

// giveUp gives a slot back that was on its way. p.mu is held.
func (p *pool[Req, Res]) giveUp(gathering bool) {
	p.busy--
	p.coming--
	if gathering {
		p.gathering--
	}
}

// work is the life of a slot: it runs batches until none is due.
func (p *pool[Req, Res]) work(gather bool) {
	var b, next *Batch[Req, Res] // in Func; taken
	defer func() {
		if b != nil { // Func called runtime.Goexit: the slot lives on elsewhere
			_, gather := b.finish(answers[Res]{err: errGoexit}, nil)
			p.start(gather, 0)
		}
	}()
	run := &funcContext{}
	for {
		if next == nil {
			if gather {
				// The idle gather: callers that are ready to run get in before the
				// open batch is taken. It makes full batches without a timer.
				runtime.Gosched()
			}
			if next = p.next(gather, run); next == nil {
				return
			}
		}
		if next.watchful && !p.examine(next, run) {
			next, gather = nil, false
			continue
		}
		b = next
		a, ran := call(run, b.owner.does, b.reqs), b
		b = nil
		run = &funcContext{} // not in finish: who wants in would wait for it
		next, gather = ran.finish(a, run)
	}
}

// next takes the batch whose turn it is, as pick does. It gives nil too to a
// gatherer that was relieved.
func (p *pool[Req, Res]) next(gathered bool, run *funcContext) *Batch[Req, Res] {
	p.lock()
	defer p.unlock()
	if gathered {
		if p.relieved > 0 {
			p.relieved--
			return nil
		}
		p.gathering-- // from here on nobody may take its place
	}
	return p.pick(run)
}

// pick takes the batch whose turn it is and begins it with run, unless the
// contexts of its requests are to be examined before. It gives nil if none is
// due, which gives the slot back. p.mu is held.
func (p *pool[Req, Res]) pick(run *funcContext) *Batch[Req, Res] {
	for {
		owner := p.turns.first
		if owner == nil {
			p.giveUp(false)
			return nil
		}
		p.turns.remove(owner) // take puts it at the end if it has more
		b := owner.take()
		if b.watchful || p.begin(b, run) {
			return b
		}
	}
}

// examine withdraws the requests of b, which is taken, whose contexts have
// ended, and begins it with run. It reports whether b runs. p.mu is not held.
func (p *pool[Req, Res]) examine(b *Batch[Req, Res], run *funcContext) bool {
	found := b.endings()
	p.mu.Lock()
	defer p.unlock()
	for _, e := range found {
		b.withdraw(e.index, e.cause)
	}
	return p.begin(b, run)
}

// begin begins b, which is taken, unless nothing is to begin any more. It
// reports whether b runs. p.mu is held.
func (p *pool[Req, Res]) begin(b *Batch[Req, Res], run *funcContext) bool {
	if p.abandoned {
		b.fail(ErrClosed, &p.stats.Failed)
		return false
	}
	if !b.begin(run) {
		return false
	}
	p.coming--
	return true
}
