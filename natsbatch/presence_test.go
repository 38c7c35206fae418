package natsbatch_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
)

// A reply that its front end does not answer is stored for AckWait and a minute, or for
// ResultTTL. A front end that could not look for half as long waits for it no more.
func TestADoEndsWhoseAnswerMayHaveBeenMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := natsbatch.Queue{Endpoint: "test"}
		brief := natsbatch.Queue{Endpoint: "test", ResultTTL: 10 * time.Second}
		briefest := natsbatch.Queue{Endpoint: "test", ResultTTL: 100 * time.Millisecond}
		for _, c := range []struct {
			queue         natsbatch.Queue
			asleep, alone time.Duration
			unknown       bool
		}{
			{q, 30 * time.Second, 0, false},
			{q, 35 * time.Second, 0, true},
			{q, 0, 28 * time.Second, false},
			{q, 0, 31 * time.Second, true}, // and 2 s until it looks
			{q, 0, 35 * time.Second, true},
			{q, 20 * time.Second, 20 * time.Second, false}, // but for the moment in between
			{brief, 3 * time.Second, 0, false},
			{brief, 6 * time.Second, 0, true},
			{briefest, 0, 0, false},
		} {
			if _, err := natsbatch.Absent(c.queue, c.asleep, c.alone); errors.Is(err, natsbatch.ErrUnknownOutcome) != c.unknown {
				t.Errorf("after %v of sleep and %v alone, with results kept for %v: %v", c.asleep, c.alone, c.queue.ResultTTL, err)
			}
		}
	})
}

// A worker that lost its server too has the request again within AckWait, and runs it.
func TestADoInDoubtWaitsForAnAnswerThatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		after, err := natsbatch.Absent(natsbatch.Queue{Endpoint: "test"}, time.Minute, 0)
		if !errors.Is(err, natsbatch.ErrUnknownOutcome) || after < 13*time.Second || after > 15*time.Second {
			t.Errorf("got %v after %v, want ErrUnknownOutcome 11 s after the front end has looked, which it does every 2 s", err, after)
		}
	})
}

// A leader needs most of all servers, itself among them.
func TestALeaderIsAloneWithoutMostOfTheOthers(t *testing.T) {
	for _, c := range []struct {
		others []time.Duration
		want   time.Duration
	}{{nil, 0}, {[]time.Duration{5}, 5}, {[]time.Duration{9, 1}, 1}, {[]time.Duration{8, 9}, 8}, {[]time.Duration{9, 1, 8, 2}, 2}, {[]time.Duration{9, 1, 8, 7}, 7}} {
		if got := natsbatch.Quiet(c.others...); got != c.want {
			t.Errorf("others heard of %v ago: %v, want %v", c.others, got, c.want)
		}
	}
}
