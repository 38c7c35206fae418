package middleware_test

import (
	"context"
	"testing"
)

// BenchmarkLayers is what each function adds to a batch of 64 in which
// nothing goes wrong.
func BenchmarkLayers(b *testing.B) {
	results := make([]string, 64)
	trivial := func(context.Context, []int) ([]string, error) { return results, nil }
	reqs := upTo(64)
	for _, names := range [][]string{nil, {"Isolate"}, {"Retry"}, {"Dedup"}, {"Timeout"}, {"Limit"}} {
		name := "none"
		if names != nil {
			name = names[0]
		}
		f := nest(names, trivial)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f(context.Background(), reqs); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
