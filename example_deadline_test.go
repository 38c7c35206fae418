package batcher_test

import (
	"context"
	"fmt"
	"time"

	"github.com/gobatcher/batcher"
)

// A batch waits for company, but not past what a caller can wait: this one
// starts long before its delay of an hour has passed.
func Example_deadline() {
	upper := func(ctx context.Context, reqs []string) ([]string, error) {
		info, _ := batcher.FromContext(ctx)
		fmt.Println("started by", info.Trigger)
		return upperAll(ctx, reqs)
	}
	b := batcher.New(upper, batcher.Options{MaxSize: 100, Delay: time.Hour})

	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	fmt.Println(b.Do(ctx, "in time"))
	// Output:
	// started by deadline
	// IN TIME <nil>
}
