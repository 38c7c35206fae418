package batcher

import (
	"math/bits"
	"time"
)

// pace predicts how long Func will run from how long it ran, separately for each
// power of two of the batch's size. It keeps a smoothed mean and a smoothed
// deviation, as TCP does for its round trips (RFC 6298), with a gain of a
// quarter for both, since batches are fewer than segments. A run shorter than
// the mean does not raise the deviation: a Func that becomes faster must not be
// predicted to be slower.
type pace struct {
	runs [bits.UintSize + 1]runs
}

// runs is what is known of the runs of one size.
type runs struct {
	mean, deviation time.Duration // zero before the first
	told            time.Duration // keep, when observe last reported a move
}

// keep is the time to keep for the next run.
func (r *runs) keep() time.Duration { return r.mean + max(leastMargin, 2*r.deviation) }

// leastMargin is kept between the predicted end and the deadline: timers are
// up to a millisecond late.
const leastMargin = time.Millisecond

// observe takes a run into account. It reports whether the time to keep for such
// a batch has moved by leastMargin since it last did, so that the batches that
// wait must be scheduled again. That costs more the more keys wait, but a Func
// whose runs take less than the margin never moves it so far.
func (p *pace) observe(size int, took time.Duration) (moved bool) {
	r := &p.runs[bits.Len(uint(size))]
	if r.mean == 0 {
		r.mean, r.deviation = max(1, took), took/4
	} else {
		off := took - r.mean
		if off < 0 {
			off = min(-off, r.deviation)
		}
		r.deviation += (off - r.deviation) / 4
		r.mean = max(1, r.mean+(took-r.mean)/4)
	}
	keep := r.keep()
	if off := keep - r.told; -leastMargin < off && off < leastMargin {
		return false
	}
	r.told = keep
	return true
}

// predict returns the time to keep for a batch of a size, from the nearest size
// seen, a larger one first. It returns false if none was seen.
func (p *pace) predict(size int) (time.Duration, bool) {
	n := bits.Len(uint(size))
	for i := n; i < len(p.runs); i++ {
		if r := &p.runs[i]; r.mean > 0 {
			return r.keep(), true
		}
	}
	for i := n - 1; i >= 0; i-- {
		if r := &p.runs[i]; r.mean > 0 {
			return r.keep(), true
		}
	}
	return 0, false
}
