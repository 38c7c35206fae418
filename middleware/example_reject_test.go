package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/middleware"
)

// A database that says which row it refused saves the search for it.
func ExampleReject() {
	insert := func(_ context.Context, rows []string) ([]int, error) {
		fmt.Printf("insert %q\n", rows)
		if row := slices.Index(rows, ""); row >= 0 {
			return nil, middleware.Reject{row: errors.New("column is not null")}
		}
		return make([]int, len(rows)), nil
	}
	batch := batcher.NewBatch(middleware.Isolate(insert, nil, 0), batcher.BatchOptions{})
	ctx := context.Background()
	for _, row := range []string{"ann", "", "bob", "eve"} {
		_, _ = batch.Add(ctx, row)
	}
	_ = batch.Start()
	results, _ := batch.Results(ctx)
	for i, r := range results {
		fmt.Println(i, r.Err)
	}
	// Output:
	// insert ["ann" "" "bob" "eve"]
	// insert ["ann" "bob" "eve"]
	// 0 <nil>
	// 1 column is not null
	// 2 <nil>
	// 3 <nil>
}

// A service whose limit is known only to itself gets smaller batches until
// they fit.
func ExampleTooLarge() {
	send := func(_ context.Context, words []string) ([]int, error) {
		if len(words) > 2 {
			fmt.Printf("send %q: 413\n", words)
			return nil, middleware.TooLarge{Err: errors.New("413 Content Too Large")}
		}
		fmt.Printf("send %q: ok\n", words)
		return make([]int, len(words)), nil
	}
	batch := batcher.NewBatch(middleware.Isolate(send, nil, 0), batcher.BatchOptions{})
	ctx := context.Background()
	for _, word := range []string{"to", "be", "or", "not"} {
		_, _ = batch.Add(ctx, word)
	}
	_ = batch.Start()
	_, err := batch.Results(ctx)
	fmt.Println(err)
	// Output:
	// send ["to" "be" "or" "not"]: 413
	// send ["to" "be"]: ok
	// send ["or" "not"]: ok
	// <nil>
}
