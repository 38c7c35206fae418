package demo

import (
	"fmt"
	"slices"
	"time"
)

// figures are the results of one side over some time.
type figures struct {
	over     time.Duration
	requests int
	calls    int64 // of the upstream
	items    int64 // in them
	took     []time.Duration
	failed   int
	err      error // the last failure
}

// side is one load on one stub.
type side struct {
	load         *load
	stub         *stub
	calls, items int64 // at the last take
	all          figures
}

// take returns the figures since it was last called, which was over ago.
func (s *side) take(over time.Duration) figures {
	f := figures{over: over}
	f.took, f.failed, f.err = s.load.take()
	f.requests = len(f.took)
	calls, items := s.stub.calls.Load(), s.stub.items.Load()
	f.calls, f.items = calls-s.calls, items-s.items
	s.calls, s.items = calls, items
	s.all.add(f)
	slices.Sort(f.took)
	return f
}

func (f *figures) add(g figures) {
	f.over += g.over
	f.requests += g.requests
	f.calls += g.calls
	f.items += g.items
	f.took = append(f.took, g.took...)
	f.failed += g.failed
	if g.err != nil {
		f.err = g.err
	}
}

func (f figures) rate(n float64) float64 {
	if f.over <= 0 {
		return 0
	}
	return n / f.over.Seconds()
}

func (f figures) meanBatch() float64 {
	if f.calls == 0 {
		return 0
	}
	return float64(f.items) / float64(f.calls)
}

// quantile of the times, which are sorted.
func (f figures) quantile(q float64) time.Duration {
	if len(f.took) == 0 {
		return 0
	}
	return f.took[min(len(f.took)-1, int(q*float64(len(f.took))))]
}

// milliseconds formats d with about three digits.
func milliseconds(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	if ms < 100 {
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}
