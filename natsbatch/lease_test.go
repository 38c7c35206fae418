package natsbatch_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
)

// The server delivers to another worker what it has heard nothing of for AckWait. It hears
// of it in a third of that, so that two words may be lost or late.
func TestTheServerHearsOfADeliveryInAThirdOfAckWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const wait = 6 * time.Second
		h := natsbatch.NewHeld(wait)
		watch := func(name string, d time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
				synctest.Wait()
				if s := h.Silence(name); s > wait/3 {
					t.Fatalf("%s: silence for %v", name, s)
				}
			}
		}
		h.Take("first")
		watch("first", wait/10)
		h.Take("second") // between two words
		watch("second", 3*wait)
		watch("first", wait)
		h.Drop("first")
		h.Drop("second")
		time.Sleep(wait)
		h.Take("after a pause")
		watch("after a pause", wait)
		h.Drop("after a pause")
		time.Sleep(wait) // for the timer to end
	})
}

// Else a worker would tell the server for ever of all that it has ever held.
func TestNothingIsSaidOfADeliveryThatIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := natsbatch.NewHeld(6 * time.Second)
		h.Take("dropped")
		h.Take("held")
		h.Drop("dropped")
		time.Sleep(time.Minute)
		if s := h.Silence("dropped"); s != time.Minute {
			t.Errorf("the last word was %v ago, want none in 1m0s", s)
		}
		h.Drop("held")
		time.Sleep(6 * time.Second) // for the timer to end
	})
}

// What it still holds goes to another worker.
func TestAWorkerThatHasClosedSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := natsbatch.NewHeld(6 * time.Second)
		h.Take("before")
		h.Close()
		h.Take("after")
		time.Sleep(time.Minute)
		for _, name := range []string{"before", "after"} {
			if s := h.Silence(name); s != time.Minute {
				t.Errorf("%s: the last word was %v ago, want none in 1m0s", name, s)
			}
		}
		h.Late() // which must not begin anew
		synctest.Wait()
		last := h.Silence("before")
		time.Sleep(time.Minute)
		if s := h.Silence("before"); s != last+time.Minute {
			t.Errorf("after a late word: the last was %v ago, want %v", s, last+time.Minute)
		}
	})
}
