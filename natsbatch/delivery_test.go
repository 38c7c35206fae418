package natsbatch_test

import (
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
)

// A request that is to wait does so by the server's clock, and no longer where
// that differs from the worker's.
func TestADelayIsNoLongerThanItself(t *testing.T) {
	now := time.Now()
	for stored, want := range map[time.Duration]time.Duration{
		0: time.Second, -300 * time.Millisecond: 700 * time.Millisecond, -time.Hour: 0, time.Hour: time.Second,
	} {
		if got := natsbatch.PutOff(time.Second, now.Add(stored), now); got != want {
			t.Errorf("stored %v from now: put off for %v, want %v", stored, got, want)
		}
	}
}
