package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/middleware"
)

// One row that the database refuses does not fail its neighbours.
func ExampleIsolate() {
	insert := func(_ context.Context, rows []string) ([]int, error) {
		fmt.Printf("insert %q\n", rows)
		if slices.Contains(rows, "") {
			return nil, errors.New("column is not null")
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
	// insert ["ann" ""]
	// insert ["bob" "eve"]
	// insert ["ann"]
	// insert [""]
	// 0 <nil>
	// 1 column is not null
	// 2 <nil>
	// 3 <nil>
}
