package batcher_test

import (
	"context"
	"fmt"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/loader"
)

// These examples stand in docs/from-go-libraries.md.

func Example_likeDataloader() {
	fetchNames := func(_ context.Context, ids []int) (map[int]string, error) {
		fmt.Println(len(ids), "ids")
		return map[int]string{1: "Ann", 2: "Bob"}, nil
	}

	users := loader.New(fetchNames, loader.Options[int, string]{
		Batch:       batcher.Options{Delay: 16 * time.Millisecond, MaxConcurrent: -1},
		CacheErrors: func(error) bool { return true },
	})

	names, err := users.LoadAll(context.Background(), []int{1, 2, 3})
	fmt.Printf("%q %v\n", names, err)
	_, err = users.Load(context.Background(), 3)
	fmt.Println(err)
	// Output:
	// 3 ids
	// ["Ann" "Bob" ""] batcher: 1 of 3 requests failed, the first with: loader: not found: key 3
	// loader: not found: key 3
}

func Example_valuesOfCallers() {
	type tenantKey struct{}
	names := func(_ context.Context, tenant any, ids []int) (map[int]string, error) {
		return map[int]string{ids[0]: fmt.Sprintf("%d of %v", ids[0], tenant)}, nil
	}

	fetchNames := func(ctx context.Context, ids []int) (map[int]string, error) {
		info, _ := batcher.FromContext(ctx)
		tenant := info.Requests[0].Value(tenantKey{}) // of a caller that wants ids[0]
		return names(ctx, tenant, ids)
	}

	users := loader.New(fetchNames, loader.Options[int, string]{})
	fmt.Println(users.Load(context.WithValue(context.Background(), tenantKey{}, "north"), 7))
	// Output: 7 of north <nil>
}

func Example_withoutResults() {
	ctx := context.Background()
	write := func(_ context.Context, rows []string) error {
		fmt.Println(rows)
		return nil
	}

	b := batcher.New(func(ctx context.Context, rows []string) ([]struct{}, error) {
		return make([]struct{}, len(rows)), write(ctx, rows)
	}, batcher.Options{MaxSize: 10, Delay: time.Second})

	for _, row := range []string{"a", "b"} {
		b.Submit(ctx, row)
		if batch := b.Current(); batch != nil {
			batch.StartAfter(2 * time.Second)
		}
	}
	b.Close()
	// Output: [a b]
}
