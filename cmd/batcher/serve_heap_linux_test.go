package main_test

import "testing"

// The first collections are put off at no cost in memory, unless the
// environment says when they are to be.
func TestServeCollectsSparingly(t *testing.T) {
	for _, c := range []struct {
		percent string
		sparing bool
	}{{"", true}, {"100", false}} {
		t.Setenv("GOGC", c.percent)
		g := startGate(t, "--upstream=http://127.0.0.1:1", "--protocol=kserve-v1")
		if next := g.metric("go_memstats_next_gc_bytes"); next > 64<<20 != c.sparing {
			t.Errorf("GOGC=%q: the next collection is at %.0f bytes", c.percent, next)
		}
		if used := g.metric("process_resident_memory_bytes"); used == 0 || used > 48e6 {
			t.Errorf("GOGC=%q: it takes %.0f bytes", c.percent, used)
		}
	}
}
