package natsbatch_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
)

// The server is asked for what callers wait for, every 10 s, and for nothing else.
func TestResultsThatAreAwaitedAreAskedForNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := natsbatch.NewEnvelopes(1, 2, 3)
		defer e.Wait(1)()
		e.Wait(3)()
		for range 3 {
			time.Sleep(10*time.Second - time.Nanosecond)
			if got := e.Overdue(); got != nil {
				t.Errorf("asks for %d before 10 s", got)
			}
			time.Sleep(time.Nanosecond)
			if got := e.Overdue(); !slices.Equal(got, []uint64{1}) {
				t.Errorf("asks for %d, want 1, which is awaited", got)
			}
		}
		if e.Again(1); !slices.Equal(e.Overdue(), []uint64{1}) {
			t.Error("does not ask again at once where no answer came")
		}
		defer e.Wait(2)()
		if time.Sleep(10 * time.Second); !slices.Equal(e.Overdue(), []uint64{1, 2}) {
			t.Error("does not ask for both that are awaited")
		}
		if e.Urged() {
			t.Error("asks at once without a reason")
		}
	})
}

// A result may come while a front end is away and its Submit has yet to hear
// that the request is accepted: nobody waits for it then, and who does later
// would wait for an event that has passed.
func TestResultsThatCameDuringAnAbsenceAreAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := natsbatch.NewEnvelopes(1, 2, 3)
		defer e.Wait(1)()
		e.Report(3)
		if e.Miss(); !e.Urged() || !slices.Equal(e.Overdue(), []uint64{1}) {
			t.Error("does not ask at once for what is awaited")
		}
		time.Sleep(time.Second)
		defer e.Wait(2)()
		if !e.Urged() || !slices.Equal(e.Overdue(), []uint64{2}) {
			t.Error("does not ask at once for what is awaited later")
		}
		if e.Wait(3)(); e.Urged() || e.Overdue() != nil {
			t.Error("a result that is known is asked for")
		}
	})
}
