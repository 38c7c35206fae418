package batcher

import (
	"runtime"
	"time"
)

// This file is how a Do waits that has company, where answers come soon: it
// lets all others run once that are ready to, among them those who fill and run
// its batch, and finds its answer when it has its turn again. That costs less
// than to park and be woken, and more requests get into the batch. With 64
// callers and a Func that returns at once a request takes 0.75 times as long so
// on one processor.
//
// The line that all who yield stand in is one for all processors. The more take
// from it, the sooner a caller has its turn, so that of n processors' callers
// only the last nth of a batch yields: on two, a request of 64 callers takes
// 0.92 times as long so, and 0.97 times if all yield. Who would have to select
// instead, since its context can end, yields in any place: 0.8 times on two
// processors, 0.6 on one.
//
// It would be a waste where Func takes long, and a loss where many callers take
// turns: each finds its memory cold, where a caller that is woken finds it warm.
// A request of 1,024 callers takes 1.03 times as long so, and one of 10,000 took
// 1.25 times as long. In such a crowd a caller now and then yields all the same,
// to see whether it is one still.

const (
	soon      = 50 * time.Microsecond // for a batch of several, from its first request to its answers
	crowd     = 512                   // requests that are answered before one that was answered is back
	convinced = 8                     // callers that come back late, more than others
	probes    = 16                    // batches of a crowd for each caller that yields all the same
)

// yields reports whether the caller of request i of a batch, which is not the
// only one, yields. selects says whether it would wait for its context too.
// b.mu is held.
func (b *Batcher[Req, Res]) yields(i int, selects bool) bool {
	switch {
	case !b.brisk:
		return false
	case b.crowded.Load():
		return i == 1 && b.stats.Batches%probes == 0
	}
	return selects || i*b.procs >= int(b.last)*(b.procs-1)
}

// yield lets the others run, and reports whether request i has its answer then.
func (b *Batch[Req, Res]) yield(i int) bool {
	runtime.Gosched()
	if !b.complete() {
		return false
	}
	if i == b.size-1 || i == 1 { // not all need to say when they are back
		b.owner.back(b.served)
	}
	return true
}

// back notes that a caller is back which was answered when so many were.
func (p *pool[Req, Res]) back(served uint32) {
	late := p.late.Load()
	next := max(0, late-1)
	if p.served.Load()-served >= crowd {
		next = min(late+1, convinced)
	}
	if next != late {
		p.late.Store(next) // of two at the same time one may be lost; more will come
	}
	switch crowded := p.crowded.Load(); {
	case next == 0 && crowded:
		p.crowded.Store(false)
	case next == convinced && !crowded:
		p.crowded.Store(true)
	}
}
