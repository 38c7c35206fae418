package batcher

import (
	"context"
	"fmt"
	"iter"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// pool is what the Batchers of one Keyed share, and what any other Batcher has
// to itself: the lock, the slots, the room for requests and the counters.
//
// A slot is permission for a goroutine to run batches, one after the other. It
// is taken when a batch is due and given back when none is, so an idle pool
// owns no goroutine. A slot binds late: it takes the open batch only when it
// is about to run it, so the batch gathers until then.
type pool[Req, Res any] struct {
	policy
	slots  int                      // how many
	launch func(func())             // Options.Go, or nil
	weigh  func(Req) int            // nil: all weigh 1
	procs  int                      // GOMAXPROCS
	asks   bool                     // a request's weight or deadline matters
	vacate func(*Batcher[Req, Res]) // called with mu held when a Batcher holds no batch; or nil

	all iter.Seq[*Batcher[Req, Res]] // that may hold a batch; mu is held; nil for a batch by hand

	epoch time.Time // what clock counts from
	pace  *pace     // how long Func runs; nil unless deadlines matter; guarded by mu
	sizer *sizer    // moves limit; nil without TargetTime; guarded by mu

	_ [80]byte // what precedes is only read; what follows is written for each request and begins a cache line

	mu        sync.Mutex // guards what follows, and the Batchers and batches of this pool
	closed    bool       // no request is accepted
	abandoned bool       // no batch is begun
	yielding  bool       // callers that have company yield; see yield.go
	wanted    int        // due batches: each would take a slot
	coming    int        // slots on their way to a batch
	busy      int        // slots taken, those coming included
	limit     int        // a batch this large is full: MaxSize, or less for TargetTime
	room      admission  // up to here one cache line holds what each request touches

	inLine    int                 // sealed batches, of all Batchers
	trails    bool                // slots gather behind callers that were parked; see slot.go
	waited    time.Duration       // how long a slot has, before it took the last batch
	long      int                 // batches in a row for which that was long
	impatient int                 // batches for which slots do not trail any more
	ways      ways                // how callers could wait; see yield.go
	gathering int                 // slots coming that first let callers in
	relieved  int                 // gatherers that have lost their slot and do not know it yet
	turns     turns[Req, Res]     // Batchers with due batches, in turn
	running   batchList[Req, Res] // batches in Func
	stats     Stats               // but for Submitted and Pending: see snapshot
	drained   chan struct{}       // closed when all is answered and no slot is taken; made by Close
	unused    *funcContext        // see spare.go
	hurries   bool                // a request has had a deadline that matters
	resting   bool                // reschedule comes again at rested
	rested    time.Duration       // on the clock: until then it does nothing
	lowering  bool                // lowerAll runs
	fell      bool                // the limit has fallen since lowerAll last began
	after     after

	spare atomic.Pointer[Batch[Req, Res]] // see spare.go
	tail  atomic.Pointer[tail]            // see spare.go
}

func newPool[Req, Res any](p policy, slots int, launch func(func())) *pool[Req, Res] {
	switch {
	case slots == 0:
		slots = 1
	case slots < 0:
		slots = math.MaxInt
	}
	pool := &pool[Req, Res]{policy: p, slots: slots, launch: launch, weigh: weigherOf[Req](), limit: p.maxSize, procs: runtime.GOMAXPROCS(0), ways: newWays()}
	pool.epoch = time.Now().Add(-1) // so that clock is never zero, which stands for no time
	pool.asks = p.lingers || pool.weigh != nil
	if p.lingers {
		pool.pace = &pace{}
	}
	if p.target > 0 {
		pool.sizer = &sizer{target: p.target, least: p.ready, most: p.maxSize}
	}
	return pool
}

// clock is the time since the pool was made, always above zero.
func (p *pool[Req, Res]) clock() time.Duration { return time.Since(p.epoch) }

// entry is a request on its way in, without the request. It has four words:
// larger structs are not kept in registers, which cost Submit a seventh.
type entry struct {
	ctx    context.Context // nil for context.Background()
	done   <-chan struct{} // of ctx
	weight int
}

// ask returns a request's weight, and its deadline if deadlines matter.
func (p *pool[Req, Res]) ask(ctx context.Context, req Req) (weight int, due time.Duration) {
	weight = 1
	if p.weigh != nil {
		weight = p.weigh(req)
	}
	if p.lingers {
		if deadline, ok := ctx.Deadline(); ok {
			due = max(1, later(p.clock(), time.Until(deadline))) // by one clock: that of the wall may have been set
		}
	}
	return weight, due
}

// admit lets a request in and returns with p.mu held, or refuses it and returns
// the reason with p.mu released. If there is no room and wait is set, it returns
// errNoRoom with p.mu held, so that the request can stand in line. What a batch
// needs to know of a request and its context is asked before the lock is taken,
// since both are foreign code. due is ctx's deadline on the pool's clock, or
// zero if there is none or it does not matter.
func (p *pool[Req, Res]) admit(ctx context.Context, req Req, wait bool) (e entry, due time.Duration, err error) {
	e.weight = 1
	if ctx != context.Background() {
		e.ctx, e.done = ctx, ctx.Done()
	}
	if p.asks {
		e.weight, due = p.ask(ctx, req)
	}
	if e.weight > p.maxWeight {
		return e, due, p.reject(p.tooHeavy(e.weight))
	}
	if e.done != nil && ctx.Err() != nil {
		return e, due, p.reject(causeOf(ctx))
	}
	p.lock()
	switch {
	case p.closed:
		p.mu.Unlock()
		return e, due, p.reject(ErrClosed)
	case p.room.enter():
		return e, due, nil
	case wait:
		return e, due, errNoRoom
	default:
		p.mu.Unlock()
		return e, due, p.reject(p.full())
	}
}

// The errors of admit are made in functions of their own, so that admit needs
// less stack: unless its caller is deep down, 2 KiB are enough.

func (p *pool[Req, Res]) tooHeavy(weight int) error {
	return fmt.Errorf("%w: it weighs %d, MaxWeight is %d", ErrTooHeavy, weight, p.maxWeight)
}

func (p *pool[Req, Res]) full() error {
	return fmt.Errorf("%w: MaxPending is %d, and as many requests are pending", ErrFull, p.room.limit)
}

// reject counts a refusal and returns its reason.
func (p *pool[Req, Res]) reject(err error) error {
	p.mu.Lock()
	p.stats.Rejected++
	p.mu.Unlock()
	return err
}

// observe takes a run of Func into account. A run in which all requests failed
// says nothing about how long success takes, unless it took too long. p.mu is
// held.
func (p *pool[Req, Res]) observe(size int, took time.Duration, failed bool) {
	if p.pace != nil && !failed && p.pace.observe(size, took) && p.hurries {
		p.reschedule()
	}
	if p.sizer == nil || failed && took <= p.target {
		return
	}
	before := p.limit
	p.limit = p.sizer.observe(before, size, took)
	if p.limit < before && p.enough > 1 { // else each open batch is due, and the slot that takes it makes it fit
		p.lowered()
	}
}

// atOnce is how many Batchers are reviewed without a pause after the limit has
// fallen.
const atOnce = 256

// lowered starts the open batches that a lower limit has made full. If more keys
// than atOnce hold batches, a goroutine does so instead: it holds the lock for
// as many at a time, and for one part in calmly of the time. With 100,000 keys,
// which were reviewed all at once, a Submit took up to 200 ms, and a Func of 4 ms
// ran 351 times in 3 s instead of 2,326. p.mu is held.
func (p *pool[Req, Res]) lowered() {
	if p.lowering {
		p.fell = true
		return
	}
	n := 0
	for b := range p.all {
		if n++; n > atOnce {
			p.lowering = true
			go p.lowerAll()
			return
		}
		b.heed()
	}
}

// lowerAll is lowered in a goroutine of its own. Keys that come meanwhile know
// the limit.
func (p *pool[Req, Res]) lowerAll() {
	p.mu.Lock()
	defer p.unlockApart()
	for p.fell = true; p.fell && !p.closed; {
		p.fell = false
		n, began := 0, p.clock()
		for b := range p.all {
			if n++; n%atOnce == 0 {
				held := p.clock() - began
				p.unlockApart()
				time.Sleep(calmly * held)
				p.mu.Lock()
				if began = p.clock(); p.closed {
					break // Close has started all
				}
			}
			b.heed()
		}
	}
	p.lowering = false
}

// heed starts the open batch if a lower limit has made it full. b.mu is held.
func (b *Batcher[Req, Res]) heed() {
	if b.open != nil && !b.openDue {
		b.review(b.open)
	}
}

// takeBack refuses a request that was admitted but does not fit. p.mu is held,
// and released.
func (p *pool[Req, Res]) takeBack() {
	p.room.leave(1, &p.after)
	p.stats.Rejected++
	p.unlockApart()
}

// count counts n requests as answered, which makes room. p.mu is held.
func (p *pool[Req, Res]) count(n int, counter *uint64) {
	*counter += uint64(n)
	p.room.leave(n, &p.after)
}
