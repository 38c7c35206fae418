package batcher

import (
	"testing"
	"time"
)

// Slots stop waiting for callers that are long in coming back, and try again
// later.
func TestSlotsDoNotTrailForLong(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		waited, life time.Duration
		want         step
	}{
		{0, 9 * ms, trail},                             // the slot took the batch at once
		{6 * ms, 9 * ms, trail},                        // twice as long as Func took
		{7 * ms, 9 * ms, gather},                       // longer
		{patience, patience + time.Microsecond, trail}, // short
		{patience + 1, patience + time.Microsecond, gather},
	} {
		p := newPool[int, int](Options{}.policy(), 1, nil)
		p.trails, p.waited = true, c.waited
		p.trailed(c.life)
		if got := p.gather(); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
		if c.want == trail {
			continue
		}
		for n := range recovered {
			if got := p.gather(); got != gather {
				t.Fatalf("%+v: %d after %d batches", c, got, n)
			}
			p.trailed(ms)
		}
		if got := p.gather(); got != trail {
			t.Errorf("%+v: %d after %d batches", c, got, recovered)
		}
	}
	p := newPool[int, int](Options{}.policy(), 1, nil)
	if got := p.gather(); got != gather {
		t.Errorf("where no callers were parked: %d", got)
	}
}
