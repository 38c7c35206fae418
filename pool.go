package batcher

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
)

// pool is what the Batchers of one Keyed share, and what a Batcher alone has
// to itself: the lock, the slots, the room for requests and the counters.
//
// A slot is a goroutine's leave to run batches, one after the other. It is
// taken when a batch is due and given back when none is, so that an idle pool
// owns no goroutine. A slot binds late: it takes the open batch only when it
// is about to run it, so that the batch gathers until then.
type pool[Req, Res any] struct {
	policy
	slots  int                      // how many
	launch func(func())             // Options.Go, or nil
	weigh  func(Req) int            // nil: all weigh 1
	vacate func(*Batcher[Req, Res]) // called with mu held when a Batcher holds no batch; or nil

	_ [64]byte // what precedes is only read, what follows is written for each request

	mu        sync.Mutex // guards what follows, and the Batchers and batches of this pool
	closed    bool       // no request is accepted
	abandoned bool       // no batch is begun
	wanted    int        // due batches: each would take a slot
	coming    int        // slots on their way to a batch
	busy      int        // slots taken, those coming included
	room      admission  // up to here one cache line holds what each request touches

	sealed    int                 // due batches that collect no more
	gathering int                 // slots coming that let callers in first
	relieved  int                 // gatherers that have lost their slot and do not know it yet
	turns     turns[Req, Res]     // Batchers with due batches, in turn
	running   batchList[Req, Res] // batches in Func
	stats     Stats               // Submitted and Pending are in room
	drained   chan struct{}       // closed when all is answered and no slot is taken; made by Close
	after     after

	spare atomic.Pointer[Batch[Req, Res]] // to use again; see Batcher.newBatch
}

// after collects what must wait until the lock is released.
type after struct {
	wake    []chan struct{} // to close
	stop    []func() bool   // to call
	relieve int             // slots to go on with in a new goroutine
}

func (a *after) close(c chan struct{}) {
	if c != nil {
		a.wake = append(a.wake, c)
	}
}

func (a *after) any() bool { return a.relieve > 0 || a.wake != nil || a.stop != nil }

func newPool[Req, Res any](p policy, slots int, launch func(func())) *pool[Req, Res] {
	switch {
	case slots == 0:
		slots = 1
	case slots < 0:
		slots = math.MaxInt
	}
	return &pool[Req, Res]{policy: p, slots: slots, launch: launch, weigh: weigherOf[Req]()}
}

// weightOf weighs a request. No lock is held: Weight is foreign code.
func (p *pool[Req, Res]) weightOf(req Req) int {
	if p.weigh == nil {
		return 1
	}
	return p.weigh(req)
}

// admit lets one request in: it returns nil with p.mu held, or the reason for
// a refusal with p.mu released. Where there is no room it waits if wait says
// so. done is ctx.Done().
func (p *pool[Req, Res]) admit(ctx context.Context, done <-chan struct{}, weight int, wait bool) error {
	if weight > p.maxWeight {
		return p.reject(fmt.Errorf("%w: it weighs %d, MaxWeight is %d", ErrTooHeavy, weight, p.maxWeight))
	}
	if done != nil && ctx.Err() != nil {
		return p.reject(context.Cause(ctx))
	}
	p.mu.Lock()
	switch {
	case p.closed:
		p.mu.Unlock()
		return p.reject(ErrClosed)
	case p.room.enter():
		return nil
	case wait:
		return p.await(ctx)
	default:
		p.mu.Unlock()
		return p.reject(fmt.Errorf("%w: MaxPending is %d, and as many requests are pending", ErrFull, p.room.limit))
	}
}

// await waits for room. p.mu is held, and held again if it returns nil.
func (p *pool[Req, Res]) await(ctx context.Context) error {
	e := p.room.queue()
	p.mu.Unlock()
	select {
	case <-e.let:
	case <-ctx.Done():
	}
	ended := ctx.Err() != nil
	p.mu.Lock()
	granted := p.room.claim(e)
	switch {
	case granted && !ended && !p.closed:
		return nil
	case granted:
		p.room.leave(1, &p.after)
	default:
		p.room.quit(e)
	}
	reason := ErrClosed
	if !p.closed {
		reason = context.Cause(ctx)
	}
	p.unlock()
	return p.reject(reason)
}

// reject counts a refusal and gives its reason back.
func (p *pool[Req, Res]) reject(err error) error {
	p.mu.Lock()
	p.stats.Rejected++
	p.mu.Unlock()
	return err
}

// takeBack refuses a request that was admitted but fits nowhere. p.mu is
// held, and released.
func (p *pool[Req, Res]) takeBack() {
	p.room.leave(1, &p.after)
	p.stats.Rejected++
	p.unlock()
}

// answered notes that n requests were answered, which makes room. p.mu is held.
func (p *pool[Req, Res]) answered(n int, counter *uint64) {
	*counter += uint64(n)
	p.room.leave(n, &p.after)
}

// unlock ends a critical section: it starts the slots that the section has
// made necessary and wakes whom it has answered.
func (p *pool[Req, Res]) unlock() {
	if p.wanted > p.coming && p.busy < p.slots || p.after.any() || p.drained != nil {
		p.unlockAndAct()
		return
	}
	p.mu.Unlock()
}

func (p *pool[Req, Res]) unlockAndAct() {
	starts := max(0, min(p.wanted-p.coming, p.slots-p.busy))
	gather := p.sealed == 0
	p.busy += starts
	p.coming += starts
	if gather {
		p.gathering += starts
	}
	if p.drained != nil && p.busy == 0 && p.room.used == 0 {
		p.after.close(p.drained)
		p.drained = nil
	}
	then := p.after
	p.after = after{}
	p.mu.Unlock()
	for _, c := range then.wake {
		close(c)
	}
	for _, stop := range then.stop {
		stop()
	}
	for range then.relieve {
		go p.work(false)
	}
	for range starts {
		p.start(gather)
	}
}

// relieve has a new goroutine run the batch that was just sealed in the place
// of one that gathers, if there is one. A gatherer stands behind all that is
// ready to run; a new goroutine runs next, while the batch is warm in the
// cache. Measured with 10,000 callers: half the time a request. p.mu is held.
func (p *pool[Req, Res]) relieve() {
	if p.gathering > 0 && p.launch == nil {
		p.gathering--
		p.relieved++
		p.after.relieve++
	}
}

// start runs a slot, already counted.
func (p *pool[Req, Res]) start(gather bool) {
	if p.launch == nil {
		go p.work(gather)
		return
	}
	var taken atomic.Bool // by the task, or by the clean-up if Go panicked before it ran the task
	returned := false
	defer func() {
		if !returned && taken.CompareAndSwap(false, true) {
			p.mu.Lock()
			p.giveUp(gather)
			p.mu.Unlock()
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
	var b *Batch[Req, Res]
	defer func() {
		if b != nil { // Func called runtime.Goexit: the slot lives on elsewhere
			p.start(b.finish(answers[Res]{err: errGoexit}))
		}
	}()
	for {
		if gather {
			// The idle gather: callers that are ready to run get in before the
			// open batch is taken. It makes full batches without a timer.
			runtime.Gosched()
		}
		if b = p.next(gather); b == nil {
			return
		}
		gather = b.finish(call(b.run, b.owner.does, b.reqs))
	}
}

// next takes the batch whose turn it is and begins it. It gives nil if none
// is due, which gives the slot back, and to a gatherer that was relieved.
func (p *pool[Req, Res]) next(gathered bool) *Batch[Req, Res] {
	p.mu.Lock()
	defer p.unlock()
	if gathered && p.relieved > 0 {
		p.relieved--
		return nil
	}
	for {
		owner := p.turns.next()
		if owner == nil {
			p.giveUp(gathered)
			return nil
		}
		b := owner.take()
		if b.watchful {
			p.mu.Unlock()
			found := b.endings()
			p.mu.Lock()
			for _, e := range found {
				b.withdraw(e.index, e.cause)
			}
		}
		if p.abandoned {
			b.fail(ErrClosed, &p.stats.Failed)
		} else if b.begin() {
			p.coming--
			if gathered {
				p.gathering--
			}
			return b
		}
	}
}
