package batcher

import (
	"math"
	"time"
)

// alarm makes the open batch of a Batcher due at the end of its delay or in time
// for a deadline. Its times are on the pool's clock; zero is none. The pool's
// lock guards it.
type alarm struct {
	overdueAt time.Duration   // the delay has passed
	earliest  time.Duration   // the first deadline of a request; until it rings, maybe of one withdrawn
	hurriedBy time.Duration   // the deadline for which the open batch is hurried
	dues      []time.Duration // the requests' deadlines, by place; shorter where the rest has none
	rings     time.Duration   // when the timer is to fire
	timer     *time.Timer     // made on first use
}

// linger sets when the open batch, which has just got its first request at
// now, is overdue. b.mu is held.
func (b *Batcher[Req, Res]) linger(now time.Duration) {
	if b.delay > 0 && b.overdueAt == 0 {
		b.overdueAt = later(now, b.delay)
		b.schedule()
	}
}

// hurry takes into account the deadline of the request that was just added; zero
// is none. b.mu is held.
func (b *Batcher[Req, Res]) hurry(due time.Duration) {
	if due > 0 {
		b.note(due)
	}
	if b.earliest > 0 && !b.open.hurried {
		b.schedule()
	}
}

// note keeps the deadline of the request that was just added. b.mu is held.
func (b *Batcher[Req, Res]) note(due time.Duration) {
	b.hurries = true
	if b.earliest == 0 || due < b.earliest {
		b.earliest = due
	}
	if b.dues == nil {
		b.dues = make([]time.Duration, 0, cap(b.open.reqs))
	}
	for len(b.dues) < b.open.size-1 {
		b.dues = append(b.dues, 0)
	}
	b.dues = append(b.dues, due)
}

// forget finds the earliest deadline again, without those of requests that were
// withdrawn, and reports whether it has changed. b.mu is held.
func (b *Batcher[Req, Res]) forget() bool {
	before := b.earliest
	b.earliest = 0
	for place, due := range b.dues {
		if due > 0 && !b.open.isGone(place) && (b.earliest == 0 || due < b.earliest) {
			b.earliest = due
		}
	}
	return b.earliest != before
}

// schedule sets the timer to what comes first: the end of the delay, or the last
// moment at which Func can start and meet the earliest deadline. b.mu is held.
func (b *Batcher[Req, Res]) schedule() {
	at := b.overdueAt
	if b.earliest > 0 {
		if start := b.latestStart(); at == 0 || start < at {
			at = start
		}
	}
	if at == 0 {
		b.dues = nil
	}
	if at == b.rings {
		return
	}
	b.rings = at
	switch {
	case at == 0:
		b.timer.Stop()
	case b.timer == nil:
		b.timer = time.AfterFunc(at-b.clock(), b.ring)
	default:
		b.timer.Reset(at - b.clock())
	}
}

// calmly is how many times as long as it has taken reschedule rests.
const calmly = 16

// reschedule sets the timers of all batches that wait for a deadline, after the
// prediction has moved. With 100,000 keys that takes as long as many runs of
// Func, so it happens for one part in calmly of the time at most; what moves
// meanwhile counts after the rest. Without that, 160 runs in 0.4 s took 9 s.
// p.mu is held.
func (p *pool[Req, Res]) reschedule() {
	began := p.clock()
	if rest := p.rested - began; rest > 0 {
		if !p.resting {
			p.resting = true
			time.AfterFunc(rest, p.rescheduleRested)
		}
		return
	}
	for b := range p.all {
		if b.earliest > 0 {
			b.schedule()
		}
	}
	p.rested = began + calmly*(p.clock()-began)
}

// rescheduleRested is reschedule at the end of its rest.
func (p *pool[Req, Res]) rescheduleRested() {
	p.mu.Lock()
	defer p.unlockApart()
	p.resting = false
	p.reschedule()
}

// latestStart is when the open batch must start to meet its earliest
// deadline. Before Func has ever run, half of the time left is kept for it.
func (b *Batcher[Req, Res]) latestStart() time.Duration {
	run, known := b.pace.predict(b.open.len())
	if !known {
		run = (b.earliest - b.open.opened) / 2
	}
	return max(1, b.earliest-run)
}

// ring is the timer's function. If the timer was stopped or reset too late, ring
// finds another time, or none, and does nothing.
func (b *Batcher[Req, Res]) ring() {
	now := b.clock()
	b.mu.Lock()
	defer b.unlock()
	if b.rings == 0 || now < b.rings {
		return
	}
	b.rings = 0
	switch {
	case b.overdueAt > 0 && now >= b.overdueAt:
		b.open.overdue, b.overdueAt = true, 0
	case b.forget():
		b.schedule()
		return
	default:
		b.open.hurried, b.hurriedBy = true, b.earliest
	}
	b.earliest = 0
	b.review(b.open)
}

// calm makes the open batch, which is due because of a deadline, wait for
// company again if the request with that deadline has left while no slot was
// free. It reports whether it did. b.mu is held.
func (b *Batcher[Req, Res]) calm() bool {
	if b.forget(); b.earliest > 0 && (b.earliest <= b.hurriedBy || b.latestStart() <= b.clock()) {
		return false
	}
	b.open.hurried = false
	b.setOpenDue(false)
	b.schedule()
	return true
}

// later is at + d, or math.MaxInt64 if that overflows.
func later(at, d time.Duration) time.Duration {
	if d > math.MaxInt64-at {
		return math.MaxInt64
	}
	return at + d
}
