package batcher

import (
	"runtime"
	"time"
)

// This file is how a Do waits if it has company and answers come soon. It may
// be parked, and be woken by the end of its batch. Or it yields to all
// goroutines that are ready to run, among them those that fill and run its
// batch, and finds its answer when its turn comes again.
//
// Which takes less time depends on the machine and on the callers, and changes
// while a program runs. For 64 callers and a Func that returns at once, to
// yield takes 0.8 times as long on two processors between which a cache line
// goes to and fro in 100 ns, and 1.5 times as long where that takes 500 ns; on
// one processor 0.75 times; and with 10,000 callers, who find their memory cold
// when their turn comes, 1.25 times. So the pool measures it: now and then all
// callers wait in one way for a stint and in the other for the next, a few
// times, and then in the better one until the next comparison.
//
// All goroutines that yield stand in one line for all processors. The more
// processors take from it, the sooner a caller's turn comes, so on n processors
// only the callers of the last nth of a batch yield: on two, a request of 64
// callers takes 0.92 times as long that way, and 0.97 times if all yield. A
// caller whose context can end would have to select instead, and yields in any
// place: 0.8 times on two processors, 0.6 on one.

const (
	soon   = 50 * time.Microsecond // for a batch of several, from its first request to its answers
	stint  = 20 * time.Millisecond // callers may need as long to spread over processors, or to gather on one
	pairs  = 5                     // at most, of stints that are compared; the majority counts
	stints = 128                   // from the start of one comparison to that of the next, if it takes all its pairs
)

// ways finds out which way of waiting takes less time. In a comparison every
// other stint is one of yielding.
type ways struct {
	yields bool          // callers yield
	turn   int           // the stint, counted from the start of the last comparison
	since  time.Duration // when it began, on the pool's clock
	n      int           // requests answered in it
	parked float64       // what a request took in the stint before
	wins   int           // of yielding over being parked
	losses int
}

// newWays returns ways that begin with a comparison.
func newWays() ways { return ways{turn: stints - 1} }

// compare notes that n requests have been answered. It is not told of those
// that were alone in their batch.
func (w *ways) compare(n int, now time.Duration) {
	w.n += n
	took := now - w.since
	if took < stint {
		return
	}
	if w.turn < 2*pairs {
		w.score(float64(took) / float64(w.n))
	}
	w.turn++
	switch {
	case w.turn < 2*pairs:
		w.yields = !w.yields
	case w.turn == 2*pairs:
		w.yields = w.wins > w.losses
	case w.turn == stints:
		*w = ways{}
	}
	w.n, w.since = 0, now
}

// score notes what a request took in a stint of a comparison, and ends the
// comparison if the outcome is certain.
func (w *ways) score(cost float64) {
	switch {
	case !w.yields:
		w.parked = cost
	case cost < w.parked:
		w.wins++
	default:
		w.losses++
	}
	if max(w.wins, w.losses) > pairs/2 {
		w.turn = 2*pairs - 1
	}
}

// yields reports whether the caller of request i, which is not alone in its
// batch, yields. selects says whether it would otherwise wait for its context
// too. b.mu is held.
func (b *Batcher[Req, Res]) yields(i int, selects bool) bool {
	return b.yielding && (selects || i*b.procs >= int(b.last)*(b.procs-1))
}

// yield lets the others run, and reports whether all requests then have their
// answers.
func (b *Batch[Req, Res]) yield() bool {
	runtime.Gosched()
	return b.complete()
}
