package batcher

import "time"

// alarm makes the open batch of a Batcher due when time says so. Its times
// are on the pool's clock; zero is none. The pool's lock guards it.
type alarm struct {
	overdueAt time.Duration // the delay has passed
	earliest  time.Duration // the first deadline of a request; of one withdrawn too, which starts a batch early at worst
	rings     time.Duration // when the timer is to fire
	timer     *time.Timer   // made on first use
}

// linger sets when the open batch, which has just got its first request at
// now, is overdue. b.mu is held.
func (b *Batcher[Req, Res]) linger(now time.Time) {
	if b.delay > 0 && b.overdueAt == 0 {
		b.overdueAt = now.Sub(b.epoch) + b.delay
		b.schedule()
	}
}

// hurry takes a request's deadline into account. b.mu is held.
func (b *Batcher[Req, Res]) hurry(due time.Duration) {
	if due > 0 && (b.earliest == 0 || due < b.earliest) {
		b.earliest = due
	}
	if b.earliest > 0 {
		b.schedule()
	}
}

// schedule sets the timer to what comes first: the delay's end, or the moment
// from which Func would no longer meet the earliest deadline. b.mu is held.
func (b *Batcher[Req, Res]) schedule() {
	at := b.overdueAt
	if b.earliest > 0 {
		if start := b.latestStart(); at == 0 || start < at {
			at = start
		}
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

// latestStart is when the open batch must start to meet its earliest
// deadline. Before Func has ever run, half of the time is kept for it.
func (b *Batcher[Req, Res]) latestStart() time.Duration {
	run, known := b.pace.predict(b.open.len())
	if !known {
		opened := b.open.opened.Sub(b.epoch)
		run = (b.earliest - opened) / 2
	}
	return max(1, b.earliest-run)
}

// ring is the timer's function. A timer that was stopped or set anew too late
// finds another time, or none, and does nothing.
func (b *Batcher[Req, Res]) ring() {
	now := b.clock()
	b.mu.Lock()
	defer b.unlock()
	if b.rings == 0 || now < b.rings {
		return
	}
	b.rings = 0
	if b.overdueAt > 0 && now >= b.overdueAt {
		b.open.overdue = true
	} else {
		b.open.hurried = true
	}
	b.overdueAt, b.earliest = 0, 0
	b.review(b.open)
}
