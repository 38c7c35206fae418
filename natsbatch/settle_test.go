package natsbatch_test

import (
	"slices"
	"testing"

	"github.com/gobatcher/batcher/natsbatch"
)

// It does so under its envelope, whatever is between.
func TestAReplyTellsEachOutcomeOnce(t *testing.T) {
	for _, c := range []struct {
		numbers []uint64
		reports int
	}{
		{nil, 0},
		{[]uint64{7, 7, 7}, 1},
		{[]uint64{7, 7, 8, 8, 8}, 2},
		{[]uint64{7, 8, 7, 7}, 3},
		{[]uint64{0, 7, 7, 0, 7, 0, 8}, 3},
	} {
		reports := natsbatch.Reports(c.numbers...)
		if len(reports) != c.reports {
			t.Errorf("%v: %d reports, want %d", c.numbers, len(reports), c.reports)
		}
		got := make([]uint64, len(c.numbers))
		for _, r := range reports {
			for _, o := range r.Outcomes {
				got[o.Index] += r.Number
			}
		}
		if !slices.Equal(got, c.numbers) {
			t.Errorf("%v came as %v", c.numbers, got)
		}
	}
}
