package batcher

import (
	"testing"
	"time"
)

// Batches that were made before the limit fell, or that Current has returned,
// may be larger. What they take moves it only if it is more than the target for
// what the limit allows.
func TestALargerBatchSaysNothingOfALimitThatItsCostFits(t *testing.T) {
	const target = 100 * time.Millisecond
	s := sizer{target: target, least: 1, most: 1000}
	limit := 10
	for range 2 {
		limit = s.observe(limit, limit, target/2)
	}
	if limit != 20 {
		t.Fatalf("the limit grew to %d", limit)
	}
	for range 2 {
		if got := s.observe(limit, 40, target*3/2); got != limit { // 26 requests would take just the target
			t.Fatalf("the limit moved to %d", got)
		}
	}
}

// Of two runs that agree the limit grows to the smaller fit, whichever it is of.
func TestTheLimitGrowsNoFurtherThanBothRunsAllow(t *testing.T) {
	const target = 100 * time.Millisecond
	for _, took := range [][]time.Duration{{target / 2, target / 5}, {target / 5, target / 2}} {
		s := sizer{target: target, least: 1, most: 1000}
		limit := 10
		for _, d := range took {
			limit = s.observe(limit, 10, d)
		}
		if limit != 20 {
			t.Errorf("after runs of %v, the limit is %d, want 20", took, limit)
		}
	}
}
