package batcher_test

import (
	"context"
	"fmt"
	"time"

	"github.com/gobatcher/batcher"
)

// A batch may hold 64 rows, but an INSERT should not take longer than 10 ms:
// the limit goes down until it does not.
func ExampleOptions_targetTime() {
	insert := func(_ context.Context, rows []int) ([]int, error) {
		time.Sleep(time.Duration(len(rows)) * time.Millisecond)
		return rows, nil
	}
	b := batcher.New(insert, batcher.Options{MaxSize: 64, TargetTime: 10 * time.Millisecond})
	fmt.Println("at first:", b.Stats().SizeLimit)

	for b.Stats().SizeLimit > 10 {
		load := make([]batcher.Future[int], 64)
		for row := range load {
			load[row] = b.Submit(context.Background(), row)
		}
		for _, future := range load {
			future.Wait(context.Background())
		}
	}
	s := b.Stats()
	fmt.Println("then at most 10:", s.SizeLimit <= 10, s.LimitMoved != "")
	// Output:
	// at first: 64
	// then at most 10: true true
}
