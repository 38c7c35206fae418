package middleware_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/middleware"
)

// Names that differ in case are one account, looked up once.
func ExampleDedup() {
	lookUp := func(_ context.Context, names []string) ([]string, error) {
		fmt.Printf("look up %q\n", names)
		accounts := make([]string, len(names))
		for i, name := range names {
			accounts[i] = "account of " + name
		}
		return accounts, nil
	}
	batch := batcher.NewBatch(middleware.Dedup(lookUp, strings.ToLower), batcher.BatchOptions{})
	ctx := context.Background()
	for _, name := range []string{"ann", "Bob", "Ann", "bob"} {
		_, _ = batch.Add(ctx, name)
	}
	_ = batch.Start()
	results, _ := batch.Results(ctx)
	for _, r := range results {
		fmt.Println(r.Value)
	}
	// Output:
	// look up ["ann" "Bob"]
	// account of ann
	// account of Bob
	// account of ann
	// account of Bob
}
