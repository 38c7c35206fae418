package natsbatch_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gobatcher/batcher/natsbatch"
	"github.com/gobatcher/batcher/natsbatch/internal/wire"
)

// Where the server lets less pass than when a reply was written, the largest
// results become an error, and no others.
func TestAReplyIsMadeToFit(t *testing.T) {
	outcome := func(index uint64, size int) wire.Outcome {
		return wire.Outcome{Index: index, Data: bytes.Repeat([]byte("x"), size)}
	}
	reply := wire.AppendReports(nil,
		wire.Report{Number: 1, Outcomes: []wire.Outcome{outcome(0, 100), outcome(1, 3000)}},
		wire.Report{Number: 2, Outcomes: []wire.Outcome{outcome(0, 2000), outcome(7, 500)}})
	for limit, want := range map[int]string{len(reply): "100 3000 2000 500", len(reply) - 1: "100 - 2000 500", 3000: "100 - 2000 500", 1000: "100 - - 500"} {
		got := natsbatch.Fit(reply, limit)
		reports, err := wire.DecodeReports(got)
		if err != nil || len(reports) != 2 || len(got) > limit {
			t.Fatalf("limit %d: %d bytes, %+v, %v", limit, len(got), reports, err)
		}
		var sizes strings.Builder
		for _, o := range append(reports[0].Outcomes, reports[1].Outcomes...) {
			size := fmt.Sprint(len(o.Data))
			if o.Status == wire.StatusTooLarge {
				size = "-"
				if !strings.HasPrefix(string(o.Data), "the result has ") {
					t.Errorf("limit %d: the outcome says %q", limit, o.Data)
				}
			}
			sizes.WriteString(" " + size)
		}
		if sizes.String()[1:] != want {
			t.Errorf("limit %d: %s, want %s", limit, sizes.String()[1:], want)
		}
	}
	small := wire.AppendReports(nil, wire.Report{Outcomes: []wire.Outcome{outcome(0, 100), outcome(1, 100), outcome(2, 100)}})
	for limit := len(small); limit > len(small)-60; limit-- { // the errors count too
		if got := natsbatch.Fit(small, limit); len(got) > limit {
			t.Errorf("limit %d: %d bytes", limit, len(got))
		}
	}
	if got := natsbatch.Fit(reply, 1); len(got) > 400 {
		t.Errorf("where nothing fits: %d bytes", len(got))
	}
}

// One that the server would not take even alone is replaced, whatever the others are.
func TestTheOutcomesOfAReplyComeApart(t *testing.T) {
	outcome := func(index uint64, size int) wire.Outcome {
		return wire.Outcome{Index: index, Data: bytes.Repeat([]byte("x"), size)}
	}
	reply := wire.AppendReports(nil,
		wire.Report{Number: 1, Outcomes: []wire.Outcome{outcome(0, 100), outcome(1, 3000)}},
		wire.Report{Number: 2, Outcomes: []wire.Outcome{outcome(7, 500)}})
	var got []string
	for _, data := range natsbatch.Apart(reply, 1000) {
		reports, err := wire.DecodeReports(data)
		if err != nil || len(reports) != 1 || len(reports[0].Outcomes) != 1 || len(data) > 1000 {
			t.Fatalf("%d bytes, %+v, %v", len(data), reports, err)
		}
		o := reports[0].Outcomes[0]
		got = append(got, fmt.Sprintf("%d.%d too large: %t", reports[0].Number, o.Index, o.Status == wire.StatusTooLarge))
	}
	if want := []string{"1.0 too large: false", "1.1 too large: true", "2.7 too large: false"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
