package natsbatch_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
	"github.com/nats-io/nats.go"
)

// The server keeps the others. One that is suspect may wait nevertheless, or it would hold up
// its line.
func TestSoManyWaitForAStreamAndNoMore(t *testing.T) {
	var o natsbatch.Overdue
	var leave func()
	for n := range 256 {
		var ok bool
		if leave, ok = o.Enter("full", false); !ok || o.Many("full") != (n == 255) {
			t.Fatalf("%d wait: the last may %t, many %t", n+1, ok, o.Many("full"))
		}
	}
	if _, ok := o.Enter("full", false); ok {
		t.Error("257 wait")
	}
	if err := o.Err(0); err == nil || err.Error() != "256 messages wait for room in stream full" {
		t.Errorf("it is told as %v", err)
	}
	suspect, ok := o.Enter("full", true)
	if !ok {
		t.Error("a suspect may not wait")
	}
	if _, ok := o.Enter("other", false); !ok || o.Many("other") {
		t.Error("none may wait for another stream")
	}
	suspect()
	if leave(); o.Many("full") {
		t.Error("255 are many")
	}
	if _, ok := o.Enter("full", false); !ok {
		t.Error("none may take the place of one that has left")
	}
}

// Requests that need no room run meanwhile. If many wait, no more suspects come.
func TestWhoWaitsForRoomGivesUpItsPlaceOnce(t *testing.T) {
	s := natsbatch.NewStuck()
	want := func(what string, suspect, may bool, left, again int) (over func()) {
		t.Helper()
		gotMay, gotLeft, over := s.Ask(suspect)
		if gotMay != may || gotLeft != left || s.Again() != again {
			t.Errorf("%s: it may wait: %t, has given up its place %d times, and %d hold up the line of suspects; want %t, %d and %d",
				what, gotMay, gotLeft, s.Again(), may, left, again)
		}
		return over
	}
	want("a suspect among few", true, true, 1, 0)()
	for range 255 {
		want("one of few", false, true, 1, 0)
	}
	over := want("a suspect that makes many", true, true, 1, 1)
	if over(); s.Again() != 0 {
		t.Errorf("%d hold up the line when there is room", s.Again())
	}
	over = want("one that makes many", false, true, 1, 0)
	want("one of too many", false, false, 0, 0)
	over()
	want("one in its place", false, true, 1, 0)
	s.Stop()
	want("in a worker that stops", true, false, 0, 0)
}

// A worker that stops gives up a stream once it has been missing for long enough. Each try
// fails anew.
func TestHowLongAStreamFailsIsCountedFromItsFirstFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o natsbatch.Overdue
		for range 2 {
			for n := range 20 {
				if got := o.Fail("s"); got != time.Duration(n)*time.Second {
					t.Errorf("%v after %d s", got, n)
				}
				if err := o.Err(time.Second); !errors.Is(err, nats.ErrTimeout) || !strings.Contains(err.Error(), "stream s ") {
					t.Errorf("it is told as %v", err)
				}
				time.Sleep(time.Second)
			}
			if o.Store("s"); o.Err(time.Minute) != nil {
				t.Error("it is told although it is over")
			}
		}
	})
}
