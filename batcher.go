package batcher

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// Batcher groups single requests into batches, processes each batch with a
// [Func], and returns to every caller its own result. Its Options say when a
// batch starts. All methods are safe for concurrent use. An idle Batcher owns
// no goroutine and no timer, so one that is no longer used is garbage-collected
// without Close. The zero Batcher is not usable; make one with [New].
type Batcher[Req, Res any] struct {
	*pool[Req, Res]
	does processor[Req, Res]

	// pool.mu guards what follows.
	open    *Batch[Req, Res]    // collecting, or nil
	sealed  batchList[Req, Res] // full or flushed, waiting for a slot
	due     int32               // batches that are due: the sealed ones, and the open one if openDue
	active  int32               // batches taken by a slot
	last    int32               // about the size of the last batches, to size the next
	reach   atomic.Int32        // the shortcut leads to the places of open before this one; see join.go
	hand    bool                // the Batcher of a Batch by hand: it opens no other
	openDue bool
	queued  bool               // stands in pool.turns
	ahead   *Batcher[Req, Res] // the one before it there
	behind  *Batcher[Req, Res] // the one after it
	*alarm                     // of the open batch; nil where time decides nothing
}

// New makes a Batcher that processes batches with fn.
// It panics if fn is nil or opts.Validate fails.
func New[Req, Res any](fn Func[Req, Res], opts Options) *Batcher[Req, Res] {
	if fn == nil {
		panic("batcher: New: fn is nil")
	}
	b := new(Batcher[Req, Res]).on(newOptionsPool[Req, Res]("New", opts), fn)
	b.all = func(yield func(*Batcher[Req, Res]) bool) { yield(b) }
	return b
}

// on makes b a Batcher of p.
func (b *Batcher[Req, Res]) on(p *pool[Req, Res], does processor[Req, Res]) *Batcher[Req, Res] {
	b.pool, b.does = p, does
	if p.lingers {
		b.alarm = &alarm{}
	}
	return b
}

func newOptionsPool[Req, Res any](by string, opts Options) *pool[Req, Res] {
	if err := opts.Validate(); err != nil {
		panic(fmt.Errorf("batcher: %s: %w", by, err))
	}
	p := newPool[Req, Res](opts.policy(), opts.MaxConcurrent, opts.Go)
	p.room.limit = opts.MaxPending
	return p
}

// Submit hands in a request and returns a claim on its result. It waits only
// for room under MaxPending, and no longer than ctx lasts. If ctx ends before
// the request's batch runs, the request is withdrawn; after that the end of ctx
// has no effect.
//
// If the request is refused, the Future has already failed: with [ErrClosed],
// [ErrTooHeavy], or ctx's cause.
func (b *Batcher[Req, Res]) Submit(ctx context.Context, req Req) Future[Res] {
	if batch, i := b.shortcut(ctx, req); batch != nil {
		batch.known = true
		b.mu.Unlock()
		return Future[Res]{of: &batch.outcome, index: i}
	}
	e, due, err := b.admit(ctx, req, true)
	if err != nil {
		return b.entrant(e, due, req).submit(b.pool, err)
	}
	batch, i := b.join(e, due, req)
	return batch.claim(e, i, false)
}

// TrySubmit is Submit without waiting: if there is no room under MaxPending,
// the Future has already failed with [ErrFull].
func (b *Batcher[Req, Res]) TrySubmit(ctx context.Context, req Req) Future[Res] {
	if batch, i := b.shortcut(ctx, req); batch != nil {
		batch.known = true
		b.mu.Unlock()
		return Future[Res]{of: &batch.outcome, index: i}
	}
	e, due, err := b.admit(ctx, req, false)
	if err != nil {
		return refused[Res](err)
	}
	batch, i := b.join(e, due, req)
	return batch.claim(e, i, true)
}

// Do hands in a request, waits for its result and returns it. When ctx ends,
// Do returns ctx's cause at once; the request is withdrawn, or, if its batch
// is already running, its answer is dropped. The errors are those of
// [Batcher.Submit] and [Future.Wait].
func (b *Batcher[Req, Res]) Do(ctx context.Context, req Req) (res Res, err error) {
	if batch, i := b.shortcut(ctx, req); batch != nil {
		wake, yields := batch.wake.of(i), b.yields(i, false)
		b.mu.Unlock()
		if yields && batch.yield() {
			return batch.read(i)
		}
		<-wake
		return batch.collect(i)
	}
	e, due, err := b.admit(ctx, req, true)
	if err != nil {
		return b.entrant(e, due, req).do(b.pool, err)
	}
	batch, i, wake, yields := b.enlist(e, due, req)
	if yields && batch.yield() {
		return batch.read(i)
	}
	if e.done != nil {
		return batch.within(e, wake, i)
	}
	<-wake // not in a function of its own: the stack of a caller that waits is cold when it wakes
	return batch.collect(i)
}

// Flush starts the open batch. It returns nil if there is none, and
// [ErrNotReady] if it holds fewer than MinSize; then the batch stays open.
// Flush waits neither for a slot nor for the answers.
func (b *Batcher[Req, Res]) Flush() error {
	b.mu.Lock()
	defer b.unlockApart()
	if b.open == nil {
		return nil
	}
	return b.open.start()
}

// Current returns the batch that is collecting, or nil. All its methods may be
// used; after its Start or Cancel the next request opens a new batch.
func (b *Batcher[Req, Res]) Current() *Batch[Req, Res] {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open != nil {
		b.open.known, b.open.shown = true, true
	}
	return b.open
}

// Stats returns the counters.
func (b *Batcher[Req, Res]) Stats() Stats { return b.snapshot() }

// entrant makes an entrant of a request. Inlined, it would add to the stack of
// every caller that waits.
//
//go:noinline
func (b *Batcher[Req, Res]) entrant(e entry, due time.Duration, req Req) *entrant[Req, Res] {
	return &entrant[Req, Res]{entry: e, due: due, req: req, of: func() *Batcher[Req, Res] { return b }}
}

// review starts the open batch if it is full, and else notes whether it is due;
// it is called after every change of batch or of the limit. b.mu is held.
func (b *Batcher[Req, Res]) review(batch *Batch[Req, Res]) {
	b.setReach(0)
	size := batch.len()
	switch {
	case b.fullGoes && size >= b.limit:
		b.seal(batch, TriggerSize)
	case b.fullGoes && batch.heavy():
		b.seal(batch, TriggerWeight)
	default:
		b.setOpenDue(size >= b.enough || (batch.overdue || batch.hurried) && size >= b.overdue)
		if b.openDue && batch.deserted() {
			b.seal(batch, b.reason(batch)) // so that it stops growing; it ends when the last has left
		}
	}
}

// setOpenDue notes whether the open batch is due. b.mu is held.
func (b *Batcher[Req, Res]) setOpenDue(due bool) {
	if due == b.openDue {
		return
	}
	b.openDue = due
	if due {
		b.addDue(1)
	} else {
		b.addDue(-1)
	}
}

// addDue changes the number of batches that are due, and with it whether b
// stands in line. b.mu is held.
func (b *Batcher[Req, Res]) addDue(n int) {
	b.due += int32(n)
	b.wanted += n
	if b.due > 0 {
		b.turns.add(b)
	} else {
		b.turns.remove(b)
	}
}

// seal starts batch, the open batch: it takes no more requests and waits for a
// slot. b.mu is held.
func (b *Batcher[Req, Res]) seal(batch *Batch[Req, Res], t Trigger) {
	if b.openDue {
		b.openDue = false // it stays due, and b keeps its turn
	} else {
		b.addDue(1)
	}
	b.shut(batch, t)
	b.sealed.push(batch)
	b.inLine++
	b.relieve()
}

// unseal takes a sealed batch out of the line. b.mu is held.
func (b *Batcher[Req, Res]) unseal(batch *Batch[Req, Res]) {
	b.sealed.remove(batch)
	b.inLine--
	b.addDue(-1)
}

// shut ends the collecting of batch, the open batch. b.mu is held.
func (b *Batcher[Req, Res]) shut(batch *Batch[Req, Res], t Trigger) {
	b.open = nil
	b.setReach(0)
	fall := b.last / 8
	if b.last > mostPrepared && batch.size < int(fall) {
		fall = b.last / 2 // a burst is over: room for it takes megabytes where requests are large
	}
	b.last = max(int32(min(batch.size, mostSpare)), b.last-fall)
	batch.setState(StateStarted)
	batch.trigger = t
	if b.alarm != nil {
		b.overdueAt, b.earliest = 0, 0
		b.schedule()
	}
}

// rest tells the Keyed, if there is one, when b holds no batch. b.mu is held.
func (b *Batcher[Req, Res]) rest() {
	if b.vacate != nil && b.open == nil && b.sealed.first == nil && b.active == 0 {
		b.vacate(b)
	}
}

// take returns the batch that a slot runs next: the first sealed one, else the
// open one, made as large as the limit is now. It returns nil if the open one
// is no longer due. b.due is over zero and b.mu is held.
func (b *Batcher[Req, Res]) take() *Batch[Req, Res] {
	batch := b.sealed.first
	if batch != nil {
		b.unseal(batch)
	} else {
		batch = b.open
		reason := b.reason(batch)
		if reason == TriggerDeadline && b.calm() {
			return nil
		}
		b.setOpenDue(false)
		b.shut(batch, reason)
	}
	b.active++
	if b.sizer != nil {
		batch = b.fit(batch)
	}
	batch.taken = true
	return batch
}

// reason says why the open batch, batch, is due. b.mu is held.
func (b *Batcher[Req, Res]) reason(batch *Batch[Req, Res]) Trigger {
	switch {
	case batch.len() >= b.enough:
		return TriggerIdle
	case batch.overdue:
		return TriggerDelay
	}
	return TriggerDeadline
}
