package natsbatch_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
)

// Else they would come back and be sent again as fast as the server can, or not be sent for
// long when it can serve them.
func TestPullsThatComeBackAtOnceArePutOffForLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := natsbatch.NewLine()
		for range 2 {
			for _, ms := range []time.Duration{10, 20, 40, 80, 160, 320, 640, 1000, 1000, 1000} {
				for range 3 { // which were sent together
					if got := l.Back(); got != ms*time.Millisecond {
						t.Errorf("put off for %v, want %v ms", got, int(ms))
					}
				}
				time.Sleep(ms * time.Millisecond)
			}
			l.Serve()
		}
	})
}

// Health says so after a second, which one server needs to take over from another.
func TestThatPullsAreRefusedIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := natsbatch.NewLine()
		for range 2 {
			for range 10 {
				l.Back()
				l.Lose()
				if err := l.Err(); err != nil {
					t.Errorf("too soon: %v", err)
				}
				time.Sleep(100 * time.Millisecond)
			}
			time.Sleep(time.Millisecond)
			l.Lose()
			if err := l.Err(); err == nil || !strings.Contains(err.Error(), "test_again: silence") {
				t.Errorf("after a second: %v", err)
			}
			if l.Serve(); l.Err() != nil {
				t.Errorf("when they are served: %v", l.Err())
			}
		}
	})
}

// A pull that ends as expected is followed by the next at once, and none else is.
func TestPullsThatEndAsExpectedAreServed(t *testing.T) {
	for end, want := range map[string]bool{
		"404 No Messages": true, "408 Request Timeout": true, "409 Batch Completed": true, "409 Message Size Exceeds MaxBytes": true,
		"409 Consumer Deleted": false, "409 Leadership Change": false, "409 Exceeded MaxWaiting": false, "400 Bad Request": false, "503 ": false,
	} {
		if status, description, _ := strings.Cut(end, " "); natsbatch.IsServed(status, description) != want {
			t.Errorf("%s: want %t", end, want)
		}
	}
}
