package loader_test

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/gobatcher/batcher/loader"
)

// The first that holds decides when to release, so that holders that overlap
// without end cannot keep a task back for ever.
func TestOneHoldsAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s loader.Starter
		var ran []string
		expect := func(when string, want ...string) {
			t.Helper()
			synctest.Wait()
			if !slices.Equal(ran, want) {
				t.Errorf("%s: %q have run, want %q", when, ran, want)
			}
		}
		first, second := s.Hold(), s.Hold()
		s.Start(func() { ran = append(ran, "held") })
		expect("while both hold")
		second()
		expect("while the first holds")
		first()
		expect("when released", "held")
		s.Start(func() { ran = append(ran, "free") })
		expect("while none holds", "held", "free")

		third := s.Hold()
		s.Start(func() { ran = append(ran, "again") })
		expect("while the third holds", "held", "free")
		third()
		expect("in the end", "held", "free", "again")
	})
}
