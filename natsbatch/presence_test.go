package natsbatch_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
)

// Workers try for AckWait, 5 s, and each of their tries may come to nothing in
// another of several short absences.
func TestShortAbsencesAddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := natsbatch.NewPresence(5 * time.Second)
		for i, c := range []struct {
			here, away time.Duration
			doubt      bool
		}{
			{0, 3 * time.Second, false},
			{6 * time.Second, time.Second, false}, // nobody tries for as long
			{2 * time.Second, time.Second, true},
			{time.Second, time.Millisecond, true},
			{34 * time.Second, time.Millisecond, true}, // workers may still try only once
			{36 * time.Second, time.Millisecond, false},
			{time.Hour, 4 * time.Second, true},
		} {
			p.Here(c.here)
			time.Sleep(c.away)
			if doubt := p.Returned(); doubt != c.doubt {
				t.Errorf("absence %d, of %v after %v: doubt %t", i, c.away, c.here, doubt)
			}
		}
	})
}

// A worker gives up a front end that sleeps, and tries only once for a while.
func TestASleepMakesTheNextAbsenceDoubtful(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for asleep, doubt := range map[time.Duration]bool{3 * time.Second: false, 4 * time.Second: true} {
			p := natsbatch.NewPresence(5 * time.Second)
			time.Sleep(asleep)
			p.Slept()
			p.Here(20 * time.Second)
			time.Sleep(time.Millisecond)
			if got := p.Returned(); got != doubt {
				t.Errorf("an absence after %v of sleep: doubt %t", asleep, got)
			}
		}
	})
}
