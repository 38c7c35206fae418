package batcher

import (
	"fmt"
	"time"
)

// sizer moves the size limit so that Func's run time stays at or below a
// target. While full batches stay under it, the limit grows by a step; two
// runs in a row above it (one may be an outlier) cut the limit by as much as
// they were too long, between a tenth and a half.
//
// The step is what makes it converge fast, as in BIC, the TCP variant (Xu,
// Harfoush, Rhee 2004): it doubles while no size is known to be too large,
// up to a sixteenth of the range, and else goes half the way to the size that
// was, which is forgotten once it is reached, since the back end may have
// become faster.
type sizer struct {
	target      time.Duration
	least, most int // the range of the limit; most may be never

	step     int
	tooLarge int // the smallest size known to be too large; zero: none
	above    int // runs above the target, in a row

	moved struct { // the last move; to is zero before the first
		from, to, size int
		took           time.Duration
	}
}

// observe takes a run into account and gives the limit that follows limit.
func (s *sizer) observe(limit, size int, took time.Duration) int {
	next := limit
	switch {
	case took <= s.target && size < limit:
		s.above = 0 // says nothing about a larger size
	case took <= s.target:
		s.above = 0
		next = s.grown(limit)
	default:
		if s.above++; s.above >= 2 {
			s.above = 0
			next = s.cut(limit, size, took)
		}
	}
	if next != limit {
		s.moved.from, s.moved.to, s.moved.size, s.moved.took = limit, next, size, took
	}
	return next
}

func (s *sizer) grown(limit int) int {
	if limit >= s.most {
		return limit
	}
	switch {
	case s.tooLarge > limit:
		s.step = max(1, (s.tooLarge-limit)/2)
	case s.tooLarge > 0:
		s.tooLarge, s.step = 0, 1
	default:
		s.step = max(1, min(2*s.step, s.most/16))
	}
	return limit + min(s.step, s.most-limit)
}

func (s *sizer) cut(limit, size int, took time.Duration) int {
	size = min(size, limit)
	s.tooLarge = size
	share := min(0.9, max(0.5, float64(s.target)/float64(took)))
	return min(limit, max(s.least, int(share*float64(size))))
}

// reason says in words why the limit last moved; empty: it never has.
func (s *sizer) reason() string {
	verb, m := "grew", s.moved
	if m.to < m.from {
		verb = "shrank"
	}
	if m.to == 0 {
		return ""
	}
	return fmt.Sprintf("%s from %d to %d: %d requests took %v, TargetTime is %v", verb, m.from, m.to, m.size, m.took, s.target)
}
