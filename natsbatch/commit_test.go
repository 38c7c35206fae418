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

// Where the server lets little pass, requests have the share of an envelope that they
// have of a message, also where an int has 32 bits.
func TestTheWeightOfARequestIsItsShareOfAMessage(t *testing.T) {
	const limit, full = 56 << 10, 256 << 10
	for _, size := range []int{1 << 10, 9 << 10, 20 << 10, 40 << 10, 55 << 10} {
		if got, least := natsbatch.Weigh(size, limit), full/limit*size; got < least || got > full {
			t.Errorf("%d bytes: %d, want %d at least, %d at most", size, got, least, full)
		}
	}
}
