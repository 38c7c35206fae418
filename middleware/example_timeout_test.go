package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/middleware"
)

// A Func that hangs fails its callers in time.
func ExampleTimeout() {
	hang := func(ctx context.Context, reqs []int) ([]int, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	b := batcher.New(middleware.Timeout(hang, 20*time.Millisecond), batcher.Options{})
	_, err := b.Do(context.Background(), 1)
	fmt.Println(err)
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	// Output:
	// middleware: no answer from Func within 20ms: context deadline exceeded
	// true
}
