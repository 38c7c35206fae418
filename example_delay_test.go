package batcher_test

import (
	"context"
	"fmt"
	"time"

	"github.com/gobatcher/batcher"
)

// process squares its requests and tells how many it got.
func process(_ context.Context, reqs []int) ([]int, error) {
	fmt.Println("a batch of", len(reqs))
	res := make([]int, len(reqs))
	for i, n := range reqs {
		res[i] = n * n
	}
	return res, nil
}

// A batch runs when it holds ten requests, or two seconds after its first.
func Example_sizeAndDelay() {
	ctx := context.Background()
	b := batcher.New(process, batcher.Options{MaxSize: 10, Delay: 2 * time.Second})
	defer b.Close()

	var futures []batcher.Future[int]
	for n := range 25 {
		futures = append(futures, b.Submit(ctx, n))
	}
	sum := 0
	for _, f := range futures {
		square, err := f.Wait(ctx)
		if err != nil {
			fmt.Println(err)
		}
		sum += square
	}
	fmt.Println("sum of the squares:", sum)
	// Output:
	// a batch of 10
	// a batch of 10
	// a batch of 5
	// sum of the squares: 4900
}
