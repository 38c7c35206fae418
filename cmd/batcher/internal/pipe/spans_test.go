package pipe_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gobatcher/batcher/cmd/batcher/internal/pipe"
)

func TestSpansAddedInAnyOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		in := map[int64]bool{}
		var all []pipe.Span
		for first := int64(1); first <= 40; {
			last := first + random.Int64N(3)
			all = append(all, pipe.NewSpan(first, last))
			for i := first; i <= last; i++ {
				in[i] = true
			}
			first = last + 1 + random.Int64N(3)
		}
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		var set pipe.Spans
		for _, s := range all {
			set.Add(s)
		}
		check(t, set, in, 50)
	}
}

func check(t *testing.T, set pipe.Spans, in map[int64]bool, last int64) {
	t.Helper()
	if set.Count() != int64(len(in)) {
		t.Fatalf("%v counts %d, want %d", set, set.Count(), len(in))
	}
	missing := set.Missing(last)
	if missing.Count() != last-int64(len(in)) {
		t.Fatalf("%v misses %v up to %d, want %d numbers", set, missing, last, last-int64(len(in)))
	}
	for _, s := range missing {
		for i := s.First(); i <= s.Last(); i++ {
			if in[i] {
				t.Fatalf("%v misses %v, but %d was added", set, missing, i)
			}
		}
	}
	if !slices.IsSortedFunc(set, func(a, b pipe.Span) int { return int(a.First() - b.Last() - 2) }) {
		t.Fatalf("%v is not sorted, or some of it touches", set)
	}
}

func TestSpansString(t *testing.T) {
	var set pipe.Spans
	for _, n := range []int64{3, 9, 7, 8} {
		set.Add(pipe.NewSpan(n, n))
	}
	if got := set.String(); got != "3, 7-9" {
		t.Fatalf("got %q", got)
	}
}
