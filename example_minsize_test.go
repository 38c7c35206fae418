package batcher_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobatcher/batcher"
)

// sizes are the sizes of the batches that processSlowly got, one slot at a time.
var sizes []int

// processSlowly squares its requests in as much time as a database would take.
func processSlowly(_ context.Context, reqs []int) ([]int, error) {
	sizes = append(sizes, len(reqs))
	time.Sleep(20 * time.Millisecond)
	res := make([]int, len(reqs))
	for i, n := range reqs {
		res[i] = n * n
	}
	return res, nil
}

// Five requests are enough to start. While a batch runs, the next one grows,
// up to twenty. A remainder below five waits for company, but not for ever.
func Example_minAndMaxSize() {
	b := batcher.New(processSlowly, batcher.Options{MinSize: 5, MaxSize: 20})
	defer b.Close()

	var callers sync.WaitGroup
	var answered atomic.Int64
	for n := range 50 {
		callers.Go(func() {
			if square, err := b.Do(context.Background(), n); err == nil && square == n*n {
				answered.Add(1)
			}
		})
	}
	callers.Wait()

	small, large := 0, 0
	for _, size := range sizes {
		if size < 5 {
			small++
		}
		if size > 20 {
			large++
		}
	}
	fmt.Println("answered:", answered.Load())
	fmt.Println("batches above 20:", large)
	fmt.Println("batches below 5, at most one:", small <= 1)
	// Output:
	// answered: 50
	// batches above 20: 0
	// batches below 5, at most one: true
}
