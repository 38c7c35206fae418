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

// Who waits for what is forgotten is told to ask the server.
func TestAFrontEndForgetsTheOldestEnvelopes(t *testing.T) {
	const most = 16384
	synctest.Test(t, func(t *testing.T) {
		e := natsbatch.NewEnvelopes(1, 2, 3)
		waited := make(chan bool)
		go func() { waited <- e.Await(1) }()
		synctest.Wait()
		for n := uint64(4); n <= most+1; n++ {
			e.Add(n)
		}
		if e.Knows(1) || !e.Knows(2) || !e.Knows(most+1) {
			t.Errorf("of %d it knows the first %t, the second %t, the last %t", most+1, e.Knows(1), e.Knows(2), e.Knows(most+1))
		}
		if <-waited {
			t.Error("a result of nothing")
		}
	})
}

// Results are forgotten before they fill the memory, and no more of them than that takes.
func TestAFrontEndForgetsTheOldestResults(t *testing.T) {
	const mostBytes = 32 << 20
	e := natsbatch.NewEnvelopes(1, 2, 3, 4)
	for n := range uint64(3) {
		e.Fill(n+1, mostBytes/3)
	}
	if e.Knows(1) || !e.Knows(2) || !e.Knows(3) {
		t.Errorf("of too many bytes it knows the first %t, the second %t, the third %t", e.Knows(1), e.Knows(2), e.Knows(3))
	}
	e.Remove(2)
	if e.Fill(4, mostBytes/3); !e.Knows(3) || !e.Knows(4) {
		t.Error("it counts bytes that it has forgotten")
	}
	e.Add(5)
	if e.Fill(5, 2*mostBytes); e.Knows(4) || !e.Knows(5) {
		t.Error("it does not know the last alone")
	}
}
