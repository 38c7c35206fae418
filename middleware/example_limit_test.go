package middleware_test

import (
	"context"
	"fmt"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/middleware"
)

// Two Batchers, each with as many slots as it likes, share the connections of
// one database.
func ExampleLimit() {
	connections := make(chan struct{}, 4)
	double := func(_ context.Context, reqs []int) ([]int, error) {
		for i := range reqs {
			reqs[i] *= 2
		}
		return reqs, nil
	}
	length := func(_ context.Context, reqs []string) ([]int, error) {
		lengths := make([]int, len(reqs))
		for i, req := range reqs {
			lengths[i] = len(req)
		}
		return lengths, nil
	}
	opts := batcher.Options{MaxConcurrent: -1}
	doubles := batcher.New(middleware.Limit(double, connections), opts)
	lengths := batcher.New(middleware.Limit(length, connections), opts)

	fmt.Println(doubles.Do(context.Background(), 21))
	fmt.Println(lengths.Do(context.Background(), "word"))
	// Output:
	// 42 <nil>
	// 4 <nil>
}
