package batcher

import (
	"fmt"
	"strconv"
	"time"
)

// sizer moves the size limit so that Func's run time stays at or below a
// target: up by steps while runs stay below it, down by a share when they do
// not (additive increase, multiplicative decrease: Chiu and Jain 1989). Two
// runs in a row must agree before it moves, up or down: one outlier moves
// nothing, and noise moves it up about as often as down.
//
// The step doubles as long as runs agree, within two bounds.
//
// A run's fit is the size that would have taken just the target at the run's
// cost per request. If part of the cost is fixed, the best size is not between
// the run's size and its fit, but beyond: a move that ends at the fit is never
// too long. So no move is shorter, and no cut is by more than half.
//
// A size that was too large is remembered, and growth goes half of the way to
// it, as in BIC, the TCP variant (Xu, Harfoush, Rhee 2004). A step that failed
// is taken back. Near the size that was too large the limit rests, since each
// attempt costs two runs above the target. After the rest that size is
// forgotten, since the back end may have become faster.
type sizer struct {
	target      time.Duration
	least, most int // the range of the limit; most may be never

	fit      int  // of the last run that counted; zero: none did
	above    bool // that run was above the target
	step     int
	from     int // what the limit grew from, if that was its last move; else zero
	tooLarge int // a size known to be too large; zero: none is
	rest     int // how many more runs at or below the target it rests

	moved struct { // the last move; to is zero before the first
		from, to, size int
		took           time.Duration
	}
}

const (
	mostGain = 10 // a run's fit is at most this many times its size
	nearby   = 20 // within one part in this many of a size that was too large is near it
	restRuns = 8  // how many runs at or below the target the limit rests
)

// observe takes a run into account and returns the limit that follows limit.
// Batches that became full under another limit may be larger or smaller.
func (s *sizer) observe(limit, size int, took time.Duration) int {
	fit, above := s.fitOf(size, took), took > s.target
	if above && fit >= limit || !above && size < limit && fit <= limit {
		return limit // it says nothing about this limit
	}
	last, agree := s.fit, s.fit > 0 && s.above == above
	s.fit, s.above = fit, above
	if !above {
		s.rest--
	}
	next := limit
	switch {
	case !agree:
		s.step = 0
	case above:
		next = s.cut(limit, size, max(fit, last))
	default:
		next = s.grown(limit, size, min(fit, last))
	}
	if next != limit {
		s.moved.from, s.moved.to, s.moved.size, s.moved.took = limit, next, size, took
	}
	return next
}

func (s *sizer) fitOf(size int, took time.Duration) int {
	fit := float64(size) * float64(s.target) / float64(max(1, took))
	return max(1, int(min(fit, mostGain*float64(size))))
}

func (s *sizer) doubleStep(size int) { s.step = max(1, min(2*s.step, size)) }

// cut returns the limit after size was too large.
func (s *sizer) cut(limit, size, fit int) int {
	if size <= limit {
		s.doubleStep(size)
		fit = min(fit, size-s.step)
	}
	size = min(size, limit)
	next := max(fit, size/2)
	s.rest = 0
	if s.from > 0 {
		next, s.from, s.rest = s.from, 0, restRuns
	}
	next = max(next, s.least)
	if next >= limit {
		return limit
	}
	s.tooLarge = max(size, next+1)
	return next
}

// grown returns the limit after size was not too large.
func (s *sizer) grown(limit, size, fit int) int {
	if limit == s.most {
		return limit
	}
	if size >= limit {
		s.doubleStep(size)
		fit = max(fit, limit+s.step)
	}
	switch gap := s.tooLarge - limit; {
	case fit <= limit || 0 < gap && gap <= 1+limit/nearby && s.rest > 0:
		return limit
	case gap > 1+limit/nearby:
		fit = limit + gap/2
	case gap > 0:
		s.tooLarge, s.step = 0, 1
		fit = limit + 1
	}
	s.from = limit
	return min(fit, s.most)
}

// reason says in words why the limit last moved, "" if it never has.
func (s *sizer) reason() string {
	verb, m := "grew", s.moved
	if m.to < m.from {
		verb = "shrank"
	}
	if m.to == 0 {
		return ""
	}
	return fmt.Sprintf("%s from %s to %d: %d requests took %v, TargetTime is %v",
		verb, limitName(m.from), m.to, m.size, m.took, s.target)
}

func limitName(limit int) string {
	if limit == never {
		return "no limit"
	}
	return strconv.Itoa(limit)
}
