package batcher

import (
	"runtime"
	"time"
)

// This file is how a Do waits if it has company and answers come soon: it yields
// to all goroutines that are ready to run, among them those that fill and run
// its batch, and finds its answer when its turn comes again. That costs less
// than being parked and woken, and more requests get into the batch. With 64
// callers and a Func that returns at once it makes a request take 0.75 times as
// long on one processor.
//
// All goroutines that yield stand in one line for all processors. The more
// processors take from it, the sooner a caller's turn comes, so on n processors
// only the callers of the last nth of a batch yield: on two, a request of 64
// callers takes 0.92 times as long that way, and 0.97 times if all yield. A
// caller whose context can end would have to select instead, and yields in any
// place: 0.8 times on two processors, 0.6 on one.
//
// It would be a waste where Func takes long, and a loss where many callers take
// turns: each finds its memory cold, where a caller that is woken finds it warm.
// With 1,024 callers a request takes 1.03 times as long, with 10,000 it took
// 1.25 times as long. In such a crowd a caller still yields now and then, to see
// whether there still is one.

const (
	soon      = 50 * time.Microsecond // for a batch of several, from its first request to its answers
	crowd     = 512                   // this many answers between a caller's own and its turn make it late
	convinced = 8                     // this many more late callers than others make a crowd
	probes    = 16                    // in a crowd, one caller yields in this many batches
)

// yields reports whether the caller of request i, which is not alone in its
// batch, yields. selects says whether it would otherwise wait for its context
// too. b.mu is held.
func (b *Batcher[Req, Res]) yields(i int, selects bool) bool {
	switch {
	case !b.brisk:
		return false
	case b.crowded.Load():
		return i == 1 && b.stats.Batches%probes == 0
	}
	return selects || i*b.procs >= int(b.last)*(b.procs-1)
}

// yield lets the others run, and reports whether request i then has its answer.
func (b *Batch[Req, Res]) yield(i int) bool {
	runtime.Gosched()
	if !b.complete() {
		return false
	}
	if i == b.size-1 || i == 1 { // not all need to report
		b.owner.back(b.served)
	}
	return true
}

// back notes that it is the turn again of a caller whose answer came when
// p.served was served.
func (p *pool[Req, Res]) back(served uint32) {
	late := p.late.Load()
	next := max(0, late-1)
	if p.served.Load()-served >= crowd {
		next = min(late+1, convinced)
	}
	if next != late {
		p.late.Store(next) // of two at the same time one may be lost; more will follow
	}
	switch crowded := p.crowded.Load(); {
	case next == 0 && crowded:
		p.crowded.Store(false)
	case next == convinced && !crowded:
		p.crowded.Store(true)
	}
}
