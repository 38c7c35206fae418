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

	mu      sync.Mutex // guards what follows, and the Batchers and batches of this pool
	room    admission
	stats   Stats
	turns   turns[Req, Res]     // Batchers with due batches, in turn
	wanted  int                 // batches that would take a slot
	busy    int                 // slots taken
	coming  int                 // those of them on their way to a batch
	running batchList[Req, Res] // batches in Func
	closed    bool          // no request is accepted
	abandoned bool          // no batch is begun
	drained   chan struct{} // closed when all is answered and no slot is taken; made by Close
	after   after
}

// after collects what must wait until the lock is released.
type after struct {
	wake []chan struct{} // to close
	stop []func() bool   // to call
}

func (a *after) close(c chan struct{}) {
	if c != nil {
		a.wake = append(a.wake, c)
	}
}

// arrival is a request at the door.
type arrival[Req any] struct {
	ctx    context.Context
	done   <-chan struct{} // ctx.Done()
	req    Req
	weight int
}

func newPool[Req, Res any](p policy, slots int, launch func(func())) *pool[Req, Res] {
	switch {
	case slots == 0:
		slots = 1
	case slots < 0:
		slots = math.MaxInt
	}
	return &pool[Req, Res]{policy: p, slots: slots, launch: launch, weigh: weigherOf[Req]()}
}

// admit weighs a request and lets it in: it returns with p.mu held, or with
// the reason for a refusal and p.mu released. Where there is no room it waits
// if wait says so.
func (p *pool[Req, Res]) admit(ctx context.Context, req Req, wait bool) (arrival[Req], error) {
	a := arrival[Req]{ctx: ctx, done: ctx.Done(), req: req, weight: 1}
	if p.weigh != nil {
		a.weight = p.weigh(req)
	}
	if a.weight > p.maxWeight {
		return a, p.reject(fmt.Errorf("%w: it weighs %d, MaxWeight is %d", ErrTooHeavy, a.weight, p.maxWeight))
	}
	if a.done != nil && ctx.Err() != nil {
		return a, p.reject(context.Cause(ctx))
	}
	p.mu.Lock()
	switch {
	case p.closed:
		p.mu.Unlock()
		return a, p.reject(ErrClosed)
	case p.room.enter():
		return a, nil
	case wait:
		return a, p.await(ctx)
	default:
		p.mu.Unlock()
		return a, p.reject(fmt.Errorf("%w: MaxPending is %d, and as many requests are pending", ErrFull, p.room.limit))
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
	if e.granted && !ended && !p.closed {
		return nil
	}
	p.room.giveUp(e, &p.after)
	closed := p.closed
	p.unlock()
	if closed {
		return p.reject(ErrClosed)
	}
	return p.reject(context.Cause(ctx))
}

// reject counts a refusal and gives its reason back.
func (p *pool[Req, Res]) reject(err error) error {
	p.mu.Lock()
	p.stats.Rejected++
	p.mu.Unlock()
	return err
}

// pending counts the requests accepted and not yet answered. p.mu is held.
func (p *pool[Req, Res]) pending() int {
	s := &p.stats
	return int(s.Submitted - s.Succeeded - s.Failed - s.Canceled)
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
// made necessary, and wakes whom it has answered.
func (p *pool[Req, Res]) unlock() {
	starts := 0
	for ; p.wanted > p.coming && p.busy < p.slots; starts++ {
		p.busy++
		p.coming++
	}
	if p.drained != nil && p.busy == 0 && p.pending() == 0 {
		p.after.close(p.drained)
		p.drained = nil
	}
	after := p.after
	p.after.wake, p.after.stop = nil, nil
	p.mu.Unlock()
	for _, c := range after.wake {
		close(c)
	}
	for _, stop := range after.stop {
		stop()
	}
	for range starts {
		p.start()
	}
}

// start runs a slot, already counted as busy and coming.
func (p *pool[Req, Res]) start() {
	if p.launch == nil {
		go p.work()
		return
	}
	var taken atomic.Bool // by the task, or by the clean-up if Go panicked before it ran the task
	returned := false
	defer func() {
		if !returned && taken.CompareAndSwap(false, true) {
			p.mu.Lock()
			p.busy--
			p.coming--
			p.mu.Unlock()
		}
	}()
	p.launch(func() {
		if taken.CompareAndSwap(false, true) {
			p.work()
		}
	})
	returned = true
}

// work is the life of a slot: it runs batches until none is due.
func (p *pool[Req, Res]) work() {
	var b *Batch[Req, Res]
	defer func() {
		if b != nil { // Func called runtime.Goexit: the slot lives on elsewhere
			b.finish(nil, errGoexit)
			p.start()
		}
	}()
	for gather := true; ; {
		if gather {
			// The idle gather: callers that are ready to run get in before the
			// open batch is taken. It is what makes full batches without a timer.
			runtime.Gosched()
		}
		if b = p.next(); b == nil {
			return
		}
		res, err := call(b.run, b.owner.does, b.reqs)
		gather = b.finish(res, err)
	}
}

// next takes the batch whose turn it is and begins it; nil if none is due,
// which gives the slot back.
func (p *pool[Req, Res]) next() *Batch[Req, Res] {
	p.mu.Lock()
	defer p.unlock()
	for {
		owner := p.turns.next()
		if owner == nil {
			p.coming--
			p.busy--
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
			return b
		}
	}
}
