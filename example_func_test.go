package batcher_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/gobatcher/batcher"
)

var errOdd = errors.New("odd")

// Errors gives each request its own outcome; nil means that its result counts.
func ExampleErrors() {
	ctx := context.Background()
	halve := func(_ context.Context, reqs []int) ([]int, error) {
		res, errs := make([]int, len(reqs)), make(batcher.Errors, len(reqs))
		for i, n := range reqs {
			if res[i] = n / 2; n%2 == 1 {
				errs[i] = errOdd
			}
		}
		return res, errs
	}
	b := batcher.New(halve, batcher.Options{Manual: true})
	four, five := b.Submit(ctx, 4), b.Submit(ctx, 5)
	b.Close()

	fmt.Println(four.Wait(ctx))
	_, err := five.Wait(ctx)
	fmt.Println(err == errOdd)
	// Output:
	// 2 <nil>
	// true
}

// A panic of Func goes to the callers of its batch; the next batch works.
func ExamplePanicError() {
	ctx := context.Background()
	b := batcher.New(func(_ context.Context, reqs []int) ([]int, error) {
		return []int{100 / reqs[0]}, nil
	}, batcher.Options{MaxSize: 1})
	defer b.Close()

	_, err := b.Do(ctx, 0)
	var p *batcher.PanicError
	if errors.As(err, &p) {
		fmt.Println(p.Value, "with a stack:", len(p.Stack) > 0)
	}
	fmt.Println(b.Do(ctx, 5))
	// Output:
	// runtime error: integer divide by zero with a stack: true
	// 20 <nil>
}

// Requests that differ in weight: a batch takes eight bytes.
type word string

func (w word) Weight() int { return len(w) }

func ExampleWeigher() {
	ctx := context.Background()
	b := batcher.New(func(_ context.Context, words []word) ([]word, error) {
		fmt.Println(words)
		return words, nil
	}, batcher.Options{MaxWeight: 8, Manual: true})

	b.Submit(ctx, "more")
	b.Submit(ctx, "than")            // fills the first batch
	b.Submit(ctx, "enough")          //
	b.Submit(ctx, "for")             // would overflow the second
	_, err := b.Do(ctx, "everybody") // fits in none
	b.Close()
	fmt.Println(err)
	// Output:
	// [more than]
	// [enough]
	// [for]
	// batcher: request too heavy: it weighs 9, MaxWeight is 8
}

type tenantKey struct{}

// A Func learns about its batch, and what each request's context carries.
func ExampleFromContext() {
	b := batcher.New(func(ctx context.Context, reqs []int) ([]int, error) {
		info, _ := batcher.FromContext(ctx)
		fmt.Println(info.Size, "requests, started by", info.Trigger)
		for i, request := range info.Requests {
			fmt.Println(request.Value(tenantKey{}), "asks for", reqs[i])
		}
		return reqs, nil
	}, batcher.Options{Manual: true})

	for i, tenant := range []string{"Ann", "Bob"} {
		b.Submit(context.WithValue(context.Background(), tenantKey{}, tenant), i)
	}
	b.Close()
	// Output:
	// 2 requests, started by close
	// Ann asks for 0
	// Bob asks for 1
}

// WithInfo lets a test call a Func that asks for its Info.
func ExampleWithInfo() {
	fn := func(ctx context.Context, reqs []string) ([]int, error) {
		info, _ := batcher.FromContext(ctx)
		return make([]int, len(reqs)), fmt.Errorf("%d requests by %v", info.Size, info.Trigger)
	}

	ctx := batcher.WithInfo(context.Background(), batcher.Info{Size: 2, Trigger: batcher.TriggerDelay})
	_, err := fn(ctx, []string{"a", "b"})

	fmt.Println(err)
	// Output: 2 requests by delay
}
