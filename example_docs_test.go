package batcher_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/loader"
	"github.com/gobatcher/batcher/middleware"
)

// These examples stand in docs/; readme_test.go compares them.

// upperAll is the Func of the examples that do not show one.
func upperAll(_ context.Context, reqs []string) ([]string, error) {
	res := make([]string, len(reqs))
	for i, req := range reqs {
		res[i] = strings.ToUpper(req)
	}
	return res, nil
}

func Example_lowLatency() {
	opts := batcher.Options{MaxSize: 500}

	b := batcher.New(upperAll, opts)
	defer b.Close()
	fmt.Println(b.Do(context.Background(), "a"))
	// Output: A <nil>
}

func Example_pageLoads() {
	ctx := context.Background()
	queries := 0
	fetchNames := func(_ context.Context, ids []int) (map[int]string, error) {
		queries++
		return map[int]string{1: "Ann", 2: "Bob"}, nil
	}

	users := loader.New(fetchNames, loader.Options[int, string]{})
	names, err := users.LoadAll(ctx, []int{1, 2, 1})

	fmt.Println(names, err, queries)
	// Output: [Ann Bob Ann] <nil> 1
}

type logLine string

func (l logLine) Weight() int { return len(l) }

func Example_bulkInserts() {
	ctx := context.Background()
	insert := func(_ context.Context, lines []logLine) ([]int, error) {
		return make([]int, len(lines)), nil
	}

	b := batcher.New(middleware.Isolate(insert, nil, 0), batcher.Options{
		MaxSize:    1000,                  // lines that one statement takes
		MaxWeight:  1 << 20,               // bytes that it takes
		Delay:      50 * time.Millisecond, // what a line may wait to share a statement
		MaxPending: 10_000,
	})

	for range 2500 {
		b.Submit(ctx, "text")
	}
	b.Close()
	fmt.Println(b.Stats().Succeeded)
	// Output: 2500
}

func Example_modelServer() {
	b := batcher.New(upperAll, batcher.Options{
		MinSize:    8,                    // large enough to be worth a run
		MaxSize:    32,                   // what fits
		Delay:      5 * time.Millisecond, // what the first input may wait for seven others
		MaxPending: 256,
	})
	serve := func(ctx context.Context, input string) (string, error) {
		output, err := b.TrySubmit(ctx, input).Wait(ctx)
		if errors.Is(err, batcher.ErrFull) {
			return "", fmt.Errorf("busy, try again later: %w", err)
		}
		return output, err
	}

	fmt.Println(serve(context.Background(), "a"))
	b.Close()
	// Output: A <nil>
}

func Example_unknownSize() {
	b := batcher.New(upperAll, batcher.Options{
		MaxSize:    10_000,                 // what it takes at all
		TargetTime: 200 * time.Millisecond, // what one call should take
	})

	fmt.Println(b.Do(context.Background(), "a"))
	b.Close()
	// Output: A <nil>
}

func Example_rateLimit() {
	ask := upperAll

	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	b := batcher.New(func(ctx context.Context, questions []string) ([]string, error) {
		select {
		case <-tick.C:
			return ask(ctx, questions)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}, batcher.Options{MaxSize: 100, MaxPending: 1000})

	fmt.Println(b.Do(context.Background(), "why"))
	b.Close()
	// Output: WHY <nil>
}

func Example_perTenant() {
	ctx := context.Background()
	write := func(_ context.Context, tenant string, lines []string) ([]int, error) {
		fmt.Println(tenant, lines)
		return make([]int, len(lines)), nil
	}

	tenants := batcher.NewKeyed(write, batcher.Options{
		MaxSize:       100,              // for each tenant
		Delay:         10 * time.Second, // for each tenant
		MaxConcurrent: 4,                // for all together
		MaxPending:    10_000,           // for all together
	})
	tenants.Submit(ctx, "north", "first")

	tenants.Submit(ctx, "north", "second")
	if err := tenants.Close(); err != nil {
		fmt.Println(err)
	}
	// Output: north [first second]
}

func Example_unitOfWork() {
	ctx := context.Background()

	save := func(words []string) ([]batcher.Result[string], error) {
		unit := batcher.NewBatch(upperAll, batcher.BatchOptions{})
		for _, word := range words {
			if _, err := unit.Add(ctx, word); err != nil {
				return nil, err
			}
		}
		if err := unit.Start(); err != nil {
			return nil, err
		}
		return unit.Results(ctx)
	}

	fmt.Println(save([]string{"a", "b"}))
	// Output: [{A <nil>} {B <nil>}] <nil>
}

func Example_exactSize() {
	ctx := context.Background()
	size := func(_ context.Context, reqs []string) ([]int, error) {
		fmt.Println("a batch of", len(reqs))
		return make([]int, len(reqs)), nil
	}

	b := batcher.New(size, batcher.Options{MinSize: 4, MaxSize: 4, StrictSize: true})

	var last batcher.Future[int]
	for range 5 {
		last = b.Submit(ctx, "")
	}
	b.Close()
	fmt.Println(last.Wait(ctx))
	// Output:
	// a batch of 4
	// 0 batcher: closed
}

func Example_fromPyBatcher() {
	upper := upperAll

	b := batcher.New(upper, batcher.Options{Delay: 100 * time.Millisecond, MaxSize: 50})
	future := b.Submit(context.Background(), "test")
	res, err := future.Wait(context.Background()) // "TEST", nil
	b.Close()

	fmt.Println(res, err)
	// Output: TEST <nil>
}
