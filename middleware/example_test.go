package middleware_test

import (
	"context"
	"fmt"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/middleware"
)

// All in one, from the outside in: merge equal requests, retry what failed,
// isolate what fails the others, bound each call, hold a connection for it.
func Example() {
	connections := make(chan struct{}, 4)
	insert := func(_ context.Context, rows []string) ([]int, error) {
		fmt.Printf("insert %q\n", rows)
		return make([]int, len(rows)), nil
	}
	key := func(row string) string { return row }

	insert = middleware.Dedup(middleware.Retry(middleware.Isolate(middleware.Timeout(middleware.Limit(insert, connections), time.Second), nil, 0), nil, 3, nil), key)

	b := batcher.New(insert, batcher.Options{MaxSize: 100, Delay: 5 * time.Millisecond})
	fmt.Println(b.Do(context.Background(), "ann"))
	// Output:
	// insert ["ann"]
	// 0 <nil>
}
