package batcher

import (
	"runtime"
	"sync/atomic"
	"time"
)

// This file is the life of a slot.

// relieve makes a new goroutine run the batch that was just sealed, in place of
// a slot that gathers, if there is one. A gatherer stands behind all goroutines
// that are ready to run; a new goroutine runs next, while the batch is warm in
// the cache. Measured with 10,000 callers: half the time per request. p.mu is
// held.
func (p *pool[Req, Res]) relieve() {
	if p.gathering > 0 && p.launch == nil {
		p.gathering--
		p.relieved++
		p.after.relieve, p.after.any = p.after.relieve+1, true
	}
}

// mostRelieved is how many gatherers that have lost their slot may wait for
// their turn. If that many do, one of them gathers next: behind goroutines that
// run at once the line hardly moves, and thousands have been seen in it.
const mostRelieved = 4

// startAll starts n slots, which are already counted.
func (p *pool[Req, Res]) startAll(then step, n int) {
	for ; n > 0; n-- {
		p.start(then, n-1)
	}
}

// start runs a slot. It and the others still to be started are already counted.
// If Go panics, all these slots run in new goroutines, since other callers wait
// for their batches, and the panic goes on.
func (p *pool[Req, Res]) start(then step, others int) {
	if p.launch == nil {
		go p.work(then)
		return
	}
	var taken atomic.Bool // by Go, or below after a panic
	task := func() {
		if taken.CompareAndSwap(false, true) {
			p.work(then)
		}
	}
	returned := false
	defer func() {
		if returned {
			return
		}
		go task()
		for range others {
			go p.work(then)
		}
	}()
	p.launch(task)
	returned = true
}

// giveUp gives back a slot that was on its way to a batch. p.mu is held.
func (p *pool[Req, Res]) giveUp() {
	p.busy--
	p.coming--
}

// step is what comes next for a slot's goroutine.
type step uint8

const (
	proceed step = iota // take the next batch
	gather              // first let callers get in that are ready to run
	trail               // the same, where callers of a batch have been parked
	end                 // another goroutine has the slot
)

// step says what comes after a batch of b; the slot is counted as coming.
// b.mu is held.
func (b *Batcher[Req, Res]) step() step {
	if turn := b.turns.first; b.inLine > 0 || turn != nil && turn != b {
		return proceed // the callers just answered do not return to another Batcher's batch, which has gathered anyway
	}
	b.gathering++
	if b.relieved >= mostRelieved {
		b.relieved--
		return end
	}
	return b.gather()
}

// gather says how a slot gathers: as the callers of the last batch waited.
//
// Those that have yielded stand in the queue that all processors share, and a
// slot that yields comes after them. Those that were parked stand in the queue
// of the processor that has woken them. A slot that yields is taken from the
// shared queue by another processor that has nothing to do, before them: with 64
// callers and a Func of 1 ms, two processors run batches of 43. At the end of
// the queue of its own processor it comes after them all, and batches are of 64.
// But callers that are long in coming back must not keep it from running Func
// meanwhile: if each first has 2 ms of work to do, they get 0.87 times as many
// answers from a Func of 10 ms if the slot waits for all of them. p.mu is held.
func (p *pool[Req, Res]) gather() step {
	if p.trails && p.impatient == 0 {
		return trail
	}
	return gather
}

const (
	patience  = 200 * time.Microsecond // a slot that has trailed for less has not trailed for long
	inARow    = 3                      // after as many batches for which slots have, they trail no more
	recovered = 64                     // after as many others they do again
)

// trailed notes that a batch has ended. If slots trail for two thirds of the
// lives of some batches in a row, and so for twice as long as Func takes, they
// do not trail for some time. One batch says little: the system may have stopped
// the processor. p.mu is held.
func (p *pool[Req, Res]) trailed(life time.Duration) {
	waited := p.waited
	p.waited = 0
	switch {
	case p.impatient > 0:
		p.impatient--
	case waited > patience && waited > life/3*2:
		if p.long++; p.long >= inARow {
			p.long, p.impatient = inARow-1, recovered
		}
	case waited > 0:
		p.long = 0
	}
}

// tail is how a goroutine goes to the end of its processor's queue. What another
// wakes comes next, until that one starts a third: then the third does.
type tail struct {
	back chan struct{}
	wake func()
}

func (t *tail) stand() {
	go t.wake()
	<-t.back
}

// work is the life of a slot: it runs batches until none is due.
func (p *pool[Req, Res]) work(then step) {
	var b, next *Batch[Req, Res] // in Func; taken
	var tail *tail
	defer func() {
		if tail != nil {
			p.tail.Store(tail)
		}
		switch {
		case b != nil: // Func called runtime.Goexit: the slot lives on elsewhere
			if then, _ := b.finish(answers[Res]{err: errGoexit}, nil); then != end {
				go p.start(then, 0) // Go may wait for the worker that replaces this one
			}
		case next != nil: // a context has panicked; Options.Go may recover from that
			p.mu.Lock()
			next.fail(errForeign, &p.stats.Failed)
			p.giveUp()
			p.unlockApart()
		}
	}()
	for then != end {
		if next == nil {
			var waited time.Duration
			// The idle gather: it makes full batches without a timer.
			switch then {
			case gather:
				runtime.Gosched()
			case trail:
				waited = -p.clock()
				if tail == nil {
					tail = p.newTail()
				}
				tail.stand()
				waited += p.clock()
			}
			if next = p.next(then, waited); next == nil {
				return
			}
		}
		if next.watchful && !p.examine(next) {
			then, next = proceed, nil
			continue
		}
		b, next = next, nil
		a, ran := call(b.run, b.owner.does, b.reqs), b
		b = nil
		then, next = ran.finish(a, &funcContext{})
	}
}

// next takes the batch whose turn it is, as pick does. It also returns nil to a
// gatherer that was relieved. waited is how long the slot has trailed.
func (p *pool[Req, Res]) next(then step, waited time.Duration) *Batch[Req, Res] {
	p.lock()
	defer p.unlockApart()
	if then != proceed {
		if p.relieved > 0 {
			p.relieved--
			return nil
		}
		p.waited = waited
		p.gathering-- // from here on nobody may take its place
	}
	return p.pick()
}

// pick takes the batch whose turn it is and begins it, unless the contexts of
// its requests must be examined first. If none is due, it gives the slot back
// and returns nil. p.mu is held.
func (p *pool[Req, Res]) pick() *Batch[Req, Res] {
	for {
		owner := p.turns.first
		if owner == nil {
			p.giveUp()
			return nil
		}
		p.turns.remove(owner) // take puts it at the end if it has more
		b := owner.take()
		if b != nil && (b.watchful || p.begin(b)) {
			return b
		}
	}
}

// examine withdraws those requests of b, which is taken, whose contexts have
// ended, and begins it. It reports whether b runs. p.mu is not held.
func (p *pool[Req, Res]) examine(b *Batch[Req, Res]) bool {
	found := b.endings()
	p.mu.Lock()
	defer p.unlockApart()
	for _, e := range found {
		b.withdraw(e.index, e.cause)
	}
	return p.begin(b)
}

// begin begins b, which is taken, unless Shutdown has run out of time. It
// reports whether b runs. p.mu is held.
func (p *pool[Req, Res]) begin(b *Batch[Req, Res]) bool {
	if p.abandoned {
		b.fail(ErrClosed, &p.stats.Failed)
		return false
	}
	run := p.newContext()
	if !b.begin(run) {
		p.unused = run
		return false
	}
	p.coming--
	return true
}
