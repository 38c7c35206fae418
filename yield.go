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
// It would be a waste where Func takes long, and a loss where thousands of
// callers take turns: each finds its memory cold, where a caller that is woken
// finds it warm. With 10,000 a request took 1.25 times as long.

const (
	soon       = 50 * time.Microsecond // for a batch of several, from its first request to its answers
	crowd      = 2048                  // requests that are answered before one that was answered is back
	convinced  = 8                     // batches of a crowd, more than others
	untilAgain = 4096                  // batches, until callers of a crowded pool yield again
)

// yields reports whether the caller of request i of a batch, which is not the
// only one, yields. selects says whether it would wait for its context too.
// b.mu is held.
func (b *Batcher[Req, Res]) yields(i int, selects bool) bool {
	late := i*b.procs >= int(b.last)*(b.procs-1)
	return b.brisk && (late || selects) && !b.crowded.Load()
}

// yield lets the others run, and reports whether request i has its answer then.
func (b *Batch[Req, Res]) yield(i int) bool {
	runtime.Gosched()
	if !b.complete() {
		return false
	}
	if i == b.size-1 { // one of a batch is enough
		b.owner.back(b.served)
	}
	return true
}

// back notes that a caller is back which was answered when so many were.
func (p *pool[Req, Res]) back(served uint32) {
	switch late := p.late.Load(); {
	case p.served.Load()-served < crowd:
		p.late.Store(max(0, late-1))
	case late < convinced:
		p.late.Store(late + 1)
	default:
		p.crowded.Store(true)
	}
}
