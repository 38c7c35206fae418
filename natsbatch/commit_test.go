package natsbatch_test

import (
	"math"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
)

// The server keeps a Do for a minute beyond its deadline, unless that is so far
// away that its clock overflows.
func TestDosAreKeptUntilTheirDeadline(t *testing.T) {
	now := time.Now()
	for left, want := range map[time.Duration]time.Duration{
		-time.Hour: time.Minute, 0: time.Minute, 1500 * time.Millisecond: time.Minute + time.Second, time.Hour: time.Hour + time.Minute,
		250 * 365 * 24 * time.Hour: 0, math.MaxInt64 - 2*time.Minute: 0, math.MaxInt64: 0,
	} {
		if got := natsbatch.KeepFor(now, now.Add(left)); got < want-time.Second || got > want {
			t.Errorf("with %v left: %v, want %v", left, got, want)
		}
	}
	if got := natsbatch.KeepFor(now, now.Add(time.Hour), time.Time{}); got != 0 {
		t.Errorf("with one that has no deadline: %v", got)
	}
}
