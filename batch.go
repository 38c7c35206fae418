package batcher

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Batch is one group of requests with a life of its own (see [State]): it
// collects, starts, runs its [Func] once, and answers all its requests
// together. A [Batcher] makes its own; [NewBatch] makes one by hand. All
// methods are safe for concurrent use. The zero Batch is not usable.
type Batch[Req, Res any] struct {
	outcome[Res]

	// owner.mu guards what follows until the batch has ended; after that it no
	// longer changes. A place is a position in the order of Add. The first
	// fields, one cache line, are those that each request changes.
	trigger   Trigger
	known     bool            // outside: by a Future, or by Current
	shown     bool            // by Current
	watchful  bool            // a request has a context that can end
	overdue   bool            // the delay has passed
	hurried   bool            // a deadline is near
	taken     bool            // a slot has it
	scattered bool            // wake was closed for one request's sake
	reqs      []Req           // by place until Func is entered, then what it got
	size      int             // requests added, including those withdrawn
	wake      signals         // closed at the end
	more      *more[Req, Res] // what few batches need, or nil

	owner  *Batcher[Req, Res]
	ctxs   []context.Context // aligned with reqs; nil while all are context.Background()
	opened time.Duration     // when the first request came, on the pool's clock
	run    *funcContext      // while Func runs

	prev, next *Batch[Req, Res] // in a batchList
}

// NewBatch makes a batch by hand. Its requests wait until it is started, by
// Start or as opts say. NewBatch panics if fn is nil or opts are invalid,
// naming the fields and their values.
func NewBatch[Req, Res any](fn Func[Req, Res], opts BatchOptions) *Batch[Req, Res] {
	if fn == nil {
		panic("batcher: NewBatch: fn is nil")
	}
	if err := opts.validate(); err != nil {
		panic(fmt.Errorf("batcher: NewBatch: %w", err))
	}
	owner := &Batcher[Req, Res]{pool: newPool[Req, Res](opts.policy(), -1, opts.Go), does: fn, hand: true, alarm: &alarm{}}
	owner.open = makeBatch(owner)
	return owner.open
}

// Add puts a request into the batch and returns a claim on its result. It
// does not wait. If ctx ends before the batch runs, the request is withdrawn.
//
// The error is [ErrFull] if MaxSize, the lower limit that TargetTime has set,
// MaxWeight or the Batcher's MaxPending leave no room, [ErrTooHeavy] if the
// request alone exceeds MaxWeight, [ErrStarted] if the batch takes no more
// requests (and also [ErrCanceled] if it was canceled), [ErrClosed], or ctx's
// cause. The Future has failed with it too.
func (b *Batch[Req, Res]) Add(ctx context.Context, req Req) (Future[Res], error) {
	o := b.owner
	e, due, err := o.admit(ctx, req, false)
	if err != nil {
		if errors.Is(err, ErrFull) && !b.collects() {
			err = b.startedError() // a caller that tries again until there is room would do so for ever
		}
		return refused[Res](err), err
	}
	if err := b.refuse(e.weight); err != nil {
		o.takeBack()
		return refused[Res](err), err
	}
	if b.size == 0 {
		b.first()
	}
	i := b.add(e, due, req)
	o.review(b)
	return b.claim(e, i, true), nil
}

// refuse says why the batch cannot take one more request, or returns nil. A
// request that is too heavy starts a batch that starts when full. owner.mu is
// held.
func (b *Batch[Req, Res]) refuse(weight int) error {
	o := b.owner
	switch {
	case !b.collects():
		return b.startedError()
	case b.len() >= o.maxSize:
		return fmt.Errorf("%w: the batch holds %d, MaxSize is %d", ErrFull, b.len(), o.maxSize)
	case b.len() >= o.limit:
		return fmt.Errorf("%w: the batch holds %d, the limit for TargetTime is %d", ErrFull, b.len(), o.limit)
	case b.overloads(weight):
		err := fmt.Errorf("%w: the batch weighs %d and the request %d, MaxWeight is %d", ErrFull, b.weight(), weight, o.maxWeight)
		if o.fullGoes {
			o.seal(b, TriggerWeight)
		}
		return err
	}
	return nil
}

// Start starts the batch: it takes no more requests and runs as soon as a
// slot is free, which for a batch by hand is at once. Start does not wait.
// It returns [ErrNotReady] below MinSize (the batch stays open) and
// [ErrStarted] if the batch takes no more requests.
func (b *Batch[Req, Res]) Start() error {
	b.owner.mu.Lock()
	defer b.owner.unlockApart()
	return b.start()
}

// start is Start with owner.mu held.
func (b *Batch[Req, Res]) start() error {
	if !b.collects() {
		return b.startedError()
	}
	if n := b.len(); n < b.owner.ready {
		return fmt.Errorf("%w: it holds %d, needs %d", ErrNotReady, n, b.owner.ready)
	}
	b.owner.seal(b, TriggerManual)
	return nil
}

// StartAfter starts the batch when d has passed, counted from now. It replaces
// any time set before, by Delay or by an earlier call. If the batch holds too
// little by then (nothing, or with StrictSize less than MinSize), it starts as
// soon as it holds enough. StartAfter returns [ErrStarted] if the batch takes
// no more requests.
func (b *Batch[Req, Res]) StartAfter(d time.Duration) error {
	o := b.owner
	o.mu.Lock()
	defer o.unlockApart()
	if !b.collects() {
		return b.startedError()
	}
	b.overdue = false
	if o.alarm == nil {
		o.alarm = &alarm{}
	}
	o.overdueAt = later(o.clock(), max(0, d))
	if o.lingers {
		o.forget() // deadlines matter again; once the delay had passed they did not
	}
	o.schedule()
	o.review(b)
	return nil
}

// Cancel cancels the batch if it has not started: every Future fails with
// [ErrCanceled], Func is never called, and Cancel returns true, also when it
// is called again. It returns false if the batch has started.
func (b *Batch[Req, Res]) Cancel() bool {
	o := b.owner
	o.mu.Lock()
	defer o.unlockApart()
	if b.collects() {
		b.abort(ErrCanceled, &o.stats.Canceled)
	}
	return b.canceled()
}

// State returns where the batch stands.
func (b *Batch[Req, Res]) State() State {
	if b.Ready() {
		return StateReady
	}
	return b.now()
}

// Ready reports whether Start would start the batch.
func (b *Batch[Req, Res]) Ready() bool {
	b.owner.mu.Lock()
	defer b.owner.mu.Unlock()
	return b.collects() && b.len() >= b.owner.ready
}

// Full reports whether the batch holds MaxSize, or the lower limit that
// TargetTime has set, or MaxWeight.
func (b *Batch[Req, Res]) Full() bool {
	b.owner.mu.Lock()
	defer b.owner.mu.Unlock()
	return b.len() >= b.owner.limit || b.heavy()
}

// Len returns the number of requests added, with StrictSize without those that
// were canceled.
func (b *Batch[Req, Res]) Len() int {
	b.owner.mu.Lock()
	defer b.owner.mu.Unlock()
	return b.len()
}

// Done returns a channel that is closed when every request has its answer: at
// [StateDone] and [StateCanceled].
func (b *Batch[Req, Res]) Done() <-chan struct{} {
	b.owner.mu.Lock()
	defer b.owner.mu.Unlock()
	if b.ended() {
		return closedChan
	}
	m := b.extra()
	if m.done == nil {
		m.done = make(chan struct{})
	}
	return m.done
}

// Results waits until the batch has ended and returns the answers to all
// requests in the order of Add, canceled ones with Err set. The error is the
// batch's own, shared by all its requests: what Func returned, unless that was
// an [Errors]; a [*PanicError]; [ErrResultCount]; [ErrCanceled]; or [ErrClosed]
// if Close found the batch below a strict MinSize, or Shutdown ran out of time
// before it had begun to run. If ctx ends first, Results returns nil and ctx's
// cause. The slice is the caller's.
func (b *Batch[Req, Res]) Results(ctx context.Context) ([]Result[Res], error) {
	select {
	case <-b.Done():
	case <-ctx.Done():
		if !b.ended() {
			return nil, causeOf(ctx)
		}
	}
	results := make([]Result[Res], 0, b.size)
	for i := range b.size {
		if at, _ := b.locate(i); at == b {
			value, err := b.read(i)
			results = append(results, Result[Res]{value, err})
		}
	}
	return results, b.err
}

// collects reports whether the batch takes requests. owner.mu is held.
func (b *Batch[Req, Res]) collects() bool { return b.now() == StateOpen }

// waits reports whether the batch is open or sealed, that is, no slot has
// taken it. owner.mu is held.
func (b *Batch[Req, Res]) waits() bool {
	return b.owner.open == b || b.now() == StateStarted && !b.taken
}

// canceled reports whether the batch, or each of its requests, was canceled.
// owner.mu is held.
func (b *Batch[Req, Res]) canceled() bool { return b.now() == StateCanceled && b.err == ErrCanceled }

func (b *Batch[Req, Res]) startedError() error {
	if b.now() == StateCanceled {
		return fmt.Errorf("%w: %w", ErrStarted, b.err)
	}
	return fmt.Errorf("%w: it is %v", ErrStarted, b.now())
}

// len is what counts for MinSize and MaxSize. owner.mu is held.
func (b *Batch[Req, Res]) len() int {
	if b.owner.strict {
		return b.waiting()
	}
	if b.more == nil {
		return b.size
	}
	return b.size - b.more.moved
}

// weight is what counts for MaxWeight: of the requests that len counts. owner.mu
// is held.
func (b *Batch[Req, Res]) weight() int {
	if b.owner.weigh == nil {
		return b.len()
	}
	if b.more == nil {
		return 0
	}
	return b.more.weight
}

// heavy reports whether the batch holds MaxWeight, if there is one. owner.mu
// is held.
func (b *Batch[Req, Res]) heavy() bool {
	return b.owner.maxWeight < never && b.weight() >= b.owner.maxWeight
}

// overloads reports whether weight more would be above MaxWeight, if there is
// one. owner.mu is held.
func (b *Batch[Req, Res]) overloads(weight int) bool {
	return b.owner.maxWeight < never && weight > b.owner.maxWeight-b.weight()
}
