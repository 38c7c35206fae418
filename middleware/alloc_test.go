package middleware_test

import (
	"context"
	"testing"

	"github.com/gobatcher/batcher"
)

// The package documentation says what each function allocates for a batch in
// which nothing goes wrong.
func TestAllocationsOfABatch(t *testing.T) {
	results := make([]string, 64)
	trivial := func(_ context.Context, reqs []int) ([]string, error) { return results[:len(reqs)], nil }
	nils := func(_ context.Context, reqs []int) ([]string, error) {
		return results[:len(reqs)], make(batcher.Errors, len(reqs))
	}
	const made = 2 // by nils itself: its Errors, and the error that holds them
	distinct, equal := upTo(64), append(upTo(63), 0)
	for name, most := range map[string]struct{ distinct, equal float64 }{
		"Isolate": {1, 1}, "Retry": {1, 1}, "Dedup": {5, 8}, "Timeout": {9, 9}, "Limit": {0, 0},
	} {
		for kind, reqs := range map[string][]int{"distinct": distinct, "equal": equal} {
			want := most.distinct
			if kind == "equal" {
				want = most.equal
			}
			allocs := func(f plain) float64 {
				return testing.AllocsPerRun(200, func() { f(context.Background(), reqs) })
			}
			if got := allocs(nest([]string{name}, trivial)); got > want {
				t.Errorf("%s of %s requests: %v allocations, want %v", name, kind, got, want)
			}
			if got := allocs(nest([]string{name}, nils)) - made; got > want+1 {
				t.Errorf("%s of %s requests and an Errors of nils: %v allocations, want %v", name, kind, got, want+1)
			}
		}
	}
}
