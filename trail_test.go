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
		p.trails = true
		ends := func(waited, life time.Duration) {
			p.waited = waited
			p.trailed(life)
		}
		for _, inBetween := range []time.Duration{ms, 0} {
			p.long = 0
			for range inARow - 1 {
				ends(c.waited, c.life)
				if got := p.gather(); got != trail {
					t.Fatalf("%+v: %d too early", c, got)
				}
			}
			ends(inBetween, 9*ms) // 0: it does not count
		}
		ends(c.waited, c.life)
		if got := p.gather(); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
		if c.want == trail {
			continue
		}
		for range 2 {
			for n := range recovered {
				if got := p.gather(); got != gather {
					t.Fatalf("%+v: %d after %d batches", c, got, n)
				}
				ends(0, ms)
			}
			if got := p.gather(); got != trail {
				t.Errorf("%+v: %d after %d batches", c, got, recovered)
			}
			ends(c.waited, c.life) // once is enough now
		}
	}
	p := newPool[int, int](Options{}.policy(), 1, nil)
	if got := p.gather(); got != gather {
		t.Errorf("where no callers were parked: %d", got)
	}
}
