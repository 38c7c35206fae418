package modeltest

import (
	"math"
	"time"

	"github.com/gobatcher/batcher"
)

// rules say when a batch starts and what may enter, in the words of the table
// "When a batch starts".
type rules struct {
	maxSize   int // full
	maxWeight int // full
	fullGoes  bool
	enough    int           // takes a free slot
	delay     time.Duration // zero: no time
	overdue   int           // takes a free slot once the delay has passed
	ready     int           // what Flush and Start ask for
	strict    bool          // the withdrawn do not count
	lingers   bool          // a batch may wait for company
	slots     int
	room      int
	hand      bool // one batch by hand and no other
}

func orNoLimit(n int) int {
	if n == 0 {
		return math.MaxInt
	}
	return n
}

func rulesOf(o batcher.Options) rules {
	r := handRules(batcher.BatchOptions{MaxSize: o.MaxSize, MinSize: o.MinSize, StrictSize: o.StrictSize,
		MaxWeight: o.MaxWeight, Delay: o.Delay, StartWhenFull: true})
	r.hand = false
	r.room = orNoLimit(o.MaxPending)
	r.slots = max(1, o.MaxConcurrent)
	if o.MaxConcurrent < 0 {
		r.slots = math.MaxInt
	}
	if o.Manual {
		return r
	}
	switch {
	case o.MinSize > 0:
		r.enough = o.MinSize
	case o.Delay == 0:
		r.enough = 1
	}
	if o.Delay == 0 && o.MinSize > 1 && !o.StrictSize {
		r.delay = 10 * time.Millisecond
	}
	r.lingers = r.enough > r.overdue
	return r
}

func handRules(o batcher.BatchOptions) rules {
	r := rules{
		maxSize: orNoLimit(o.MaxSize), maxWeight: orNoLimit(o.MaxWeight), fullGoes: o.StartWhenFull,
		enough: math.MaxInt, delay: o.Delay, overdue: 1, ready: max(1, o.MinSize), strict: o.StrictSize,
		slots: math.MaxInt, room: math.MaxInt, hand: true,
	}
	if o.StrictSize {
		r.overdue = r.ready
	}
	return r
}
