package batcher

import "testing"

// It takes several callers that come back late to make a crowd, and as many
// that come back early to end it.
func TestACrowdIsNoticedAndForgotten(t *testing.T) {
	p := newPool[int, int](Options{}.policy(), 1, nil)
	b := new(Batcher[int, int]).on(p, nil)
	p.brisk = true
	p.served.Store(crowd)
	const late, early = 0, 1 // what had been served when they were answered
	for _, back := range []struct {
		served  uint32
		times   int
		crowded bool
	}{
		{late, convinced - 1, false},
		{late, 3 * convinced, true},
		{early, convinced - 1, true},
		{early, 3 * convinced, false},
		{late, convinced - 1, false},
		{early, 1, false},
		{late, 1, false},
		{late, 1, true},
	} {
		for range back.times {
			p.back(back.served)
		}
		if got := p.crowded.Load(); got != back.crowded {
			t.Fatalf("after %+v: crowded is %v", back, got)
		}
		if last := b.yields(62, true); last == back.crowded {
			t.Errorf("after %+v: one in a crowd yields, or one outside does not", back)
		}
	}
	for n := range uint64(2 * probes) {
		p.crowded.Store(true)
		p.stats.Batches = n
		if got := b.yields(1, false); got != (n%probes == 0) {
			t.Errorf("batch %d of a crowd: %v", n, got)
		}
	}
}
