package batcher

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// defaultDelay bounds the wait of a remainder below MinSize where no Delay is given.
const defaultDelay = 10 * time.Millisecond

// Options say when a [Batcher] or a [Keyed] starts a batch and how much it
// takes on. The zero Options are idle mode: a request waits for nothing but a
// free slot, and requests that arrive while the slot is busy form the next
// batch.
type Options struct {
	// MaxSize is the most requests in a batch; a full batch starts at once.
	// Default: zero, no limit.
	MaxSize int

	// MinSize is how many requests are enough to start: a batch this large
	// takes a free slot at once, a smaller one waits for company until Delay.
	// Default: zero, which is 1 without a Delay; with one no size is enough.
	MinSize int

	// StrictSize makes MinSize a must, whatever Delay says and even at Close,
	// which fails a smaller batch with ErrClosed. Requests that were canceled
	// do not count for MinSize and MaxSize then. Only MaxWeight starts a
	// smaller batch, as that one could never grow. Requests withdrawn from a
	// batch that has started and waits for a slot are replaced only under
	// TargetTime, as far as there are others: Func may get fewer. Default: false.
	StrictSize bool

	// MaxWeight is the most total weight of a batch (see Weigher).
	// Default: zero, no limit.
	MaxWeight int

	// Delay is the longest wait for company, counted from a batch's first
	// request. A request's deadline ends the wait in time for Func, judging
	// by its past runs; before Func's first success, after half of the time to
	// it. Default: zero, none; 10 ms if MinSize is over 1 and not strict.
	Delay time.Duration

	// TargetTime is the run time of Func to stay at or below, by moving the
	// size limit between MinSize and MaxSize: see Stats.SizeLimit. Only
	// Batch.Add refuses a request for it. If Func takes longer at any size, the
	// limit falls to MinSize. A new limit also holds for batches that already
	// wait: what one has too much of stays in line, what it lacks comes from
	// those behind it.
	// Default: zero, the limit is MaxSize.
	TargetTime time.Duration

	// Manual switches MinSize and Delay off as triggers: only a full batch,
	// Flush and Close start one. Excludes Delay. Default: false.
	Manual bool

	// MaxConcurrent is how many batches are processed at once: the slots.
	// Default: zero, which is 1. Negative: no limit.
	MaxConcurrent int

	// MaxPending is the most requests accepted and not yet answered.
	// Default: zero, no limit.
	MaxPending int

	// Go runs the work of a slot: a loop over batches that ends when none is
	// due. It must run every task, once, and be safe for concurrent use. It is
	// called by the Submit or Do whose request needs the slot; if it waits for a
	// worker, so does that caller, even when its context ends. Where any other
	// call, a timer or the end of a batch needs a slot, Go is called in a
	// goroutine of its own. A panic of Go reaches that caller, or ends the
	// program; the task then runs in a new goroutine. Default: nil, a new
	// goroutine.
	Go func(task func())
}

// Validate returns an error that names each wrong field and its value, or nil.
func (o Options) Validate() error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("batcher: Options: "+format, args...))
	}
	sizeFaults(fault, o.MaxSize, o.MinSize, o.MaxWeight, o.Delay)
	if o.MaxPending < 0 {
		fault("MaxPending is %d, must not be negative", o.MaxPending)
	}
	if o.TargetTime < 0 {
		fault("TargetTime is %v, must not be negative", o.TargetTime)
	}
	if o.Manual && o.Delay > 0 {
		fault("Manual excludes Delay, which is %v", o.Delay)
	}
	if o.StrictSize && o.MaxPending > 0 && o.MinSize > o.MaxPending {
		fault("MinSize is %d and strict, above MaxPending, which is %d: no batch could ever start", o.MinSize, o.MaxPending)
	}
	return errors.Join(faults...)
}

// BatchOptions say when a [Batch] by hand starts by itself, if at all, and
// how much it takes. With the zero BatchOptions only Start starts it.
type BatchOptions struct {
	// MaxSize is the most requests; Add refuses more. Default: zero, no limit.
	MaxSize int

	// MinSize is the fewest requests that Start accepts. Default: zero, which is 1.
	MinSize int

	// StrictSize makes MinSize a must for Delay and StartAfter too, and keeps
	// canceled requests from counting for MinSize and MaxSize. Default: false.
	StrictSize bool

	// MaxWeight is the most total weight (see Weigher); Add refuses more.
	// Default: zero, no limit.
	MaxWeight int

	// Delay starts the batch this long after its first request.
	// Default: zero, no time starts it.
	Delay time.Duration

	// StartWhenFull starts the batch when it holds MaxSize or MaxWeight, or
	// when a request would overflow MaxWeight. Default: false.
	StartWhenFull bool

	// Go runs Func: see Options. Default: nil, a new goroutine.
	Go func(task func())
}

func (o BatchOptions) validate() error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("batcher: BatchOptions: "+format, args...))
	}
	sizeFaults(fault, o.MaxSize, o.MinSize, o.MaxWeight, o.Delay)
	return errors.Join(faults...)
}

func sizeFaults(fault func(string, ...any), maxSize, minSize, maxWeight int, delay time.Duration) {
	if maxSize < 0 {
		fault("MaxSize is %d, must not be negative", maxSize)
	}
	if minSize < 0 {
		fault("MinSize is %d, must not be negative", minSize)
	}
	if maxSize > 0 && minSize > maxSize {
		fault("MinSize is %d, above MaxSize, which is %d", minSize, maxSize)
	}
	if maxWeight < 0 {
		fault("MaxWeight is %d, must not be negative", maxWeight)
	}
	if delay < 0 {
		fault("Delay is %v, must not be negative", delay)
	}
}

// never is a size that no batch reaches.
const never = math.MaxInt

// policy is what Options and BatchOptions are reduced to: when a batch is full,
// ready and due. It does not change.
type policy struct {
	maxSize   int           // a batch this large is full
	maxWeight int           // or this heavy
	fullGoes  bool          // a full batch starts; else it only takes no more
	ready     int           // the fewest requests that Start and Flush accept
	enough    int           // this many take a free slot
	overdue   int           // this many take one once the delay has passed
	delay     time.Duration // zero: no timer
	strict    bool          // canceled requests do not count
	lingers   bool          // a batch may wait for company: deadlines matter
	target    time.Duration // for Func's run time; zero: none
	timed     bool          // lingers or has a target
}

func (o Options) policy() policy {
	p := BatchOptions{MaxSize: o.MaxSize, MinSize: o.MinSize, StrictSize: o.StrictSize,
		MaxWeight: o.MaxWeight, Delay: o.Delay, StartWhenFull: true}.policy()
	p.target, p.timed = o.TargetTime, o.TargetTime > 0
	switch {
	case o.Manual:
		return p
	case o.MinSize > 0:
		p.enough = o.MinSize
	case o.Delay == 0:
		p.enough = 1
	}
	if p.delay == 0 && o.MinSize > 1 {
		p.delay = defaultDelay
	}
	if p.enough <= p.overdue { // by then it would have started: time decides nothing
		p.delay = 0
		return p
	}
	p.lingers, p.timed = true, true
	return p
}

func (o BatchOptions) policy() policy {
	p := policy{maxSize: never, maxWeight: never, fullGoes: o.StartWhenFull, ready: max(1, o.MinSize),
		enough: never, overdue: 1, delay: o.Delay, strict: o.StrictSize}
	if o.MaxSize > 0 {
		p.maxSize = o.MaxSize
	}
	if o.MaxWeight > 0 {
		p.maxWeight = o.MaxWeight
	}
	if o.StrictSize {
		p.overdue = p.ready
	}
	return p
}
