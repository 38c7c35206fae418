package middleware_test

import (
	"context"
	"fmt"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/middleware"
)

// Equal questions of one tenant are asked once, and two tenants at most are
// answered at a time.
func Example_keyed() {
	slots := make(chan struct{}, 2)
	opts := batcher.Options{MaxSize: 2, Manual: true}
	ask := func(_ context.Context, tenant string, questions []string) ([]string, error) {
		answers := make([]string, len(questions))
		for i, question := range questions {
			answers[i] = tenant + ": " + question + "? 42"
		}
		fmt.Println("one call for", len(questions), "of", tenant)
		return answers, nil
	}
	k := batcher.NewKeyed(func(ctx context.Context, tenant string, questions []string) ([]string, error) {
		fn := func(ctx context.Context, questions []string) ([]string, error) { return ask(ctx, tenant, questions) }
		return middleware.Dedup(middleware.Limit(fn, slots), func(q string) string { return q })(ctx, questions)
	}, opts)

	ctx := context.Background()
	first, second := k.Submit(ctx, "north", "why"), k.Submit(ctx, "north", "why")
	fmt.Println(first.Wait(ctx))
	fmt.Println(second.Wait(ctx))
	// Output:
	// one call for 1 of north
	// north: why? 42 <nil>
	// north: why? 42 <nil>
}
