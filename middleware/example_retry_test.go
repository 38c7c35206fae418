package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/middleware"
)

// busyOnce is a Func that fails the longer words of its first call.
func busyOnce() batcher.Func[string, int] {
	calls := 0
	return func(_ context.Context, words []string) ([]int, error) {
		fmt.Printf("call with %q\n", words)
		calls++
		lengths, each := make([]int, len(words)), make(batcher.Errors, len(words))
		for i, word := range words {
			lengths[i] = len(word)
			if calls == 1 && len(word) > 2 {
				each[i] = errors.New("busy")
			}
		}
		return lengths, each
	}
}

// Only what failed runs again. A word's length is asked for up to 5 times,
// with the default waits.
func ExampleRetry() {
	batch := batcher.NewBatch(middleware.Retry(busyOnce(), nil, 5, nil), batcher.BatchOptions{})
	ctx := context.Background()
	for _, word := range []string{"a", "long", "or", "short", "word"} {
		_, _ = batch.Add(ctx, word)
	}
	_ = batch.Start()
	results, _ := batch.Results(ctx)
	fmt.Println(results)
	// Output:
	// call with ["a" "long" "or" "short" "word"]
	// call with ["long" "short" "word"]
	// [{1 <nil>} {4 <nil>} {2 <nil>} {5 <nil>} {4 <nil>}]
}

// An API that says how long to wait, by Retry-After, means all calls: fn waits
// until then before the next one, of whatever batch, and Retry adds no wait of
// its own. With several slots until would need a lock.
func ExampleRetry_retryAfter() {
	calls := 0
	post := func(words []string) (lengths []int, after time.Duration, err error) {
		fmt.Printf("call with %q\n", words)
		calls++
		if calls == 1 {
			return nil, 10 * time.Millisecond, errors.New("429 Too Many Requests")
		}
		return make([]int, len(words)), 0, nil
	}
	var until time.Time
	fn := func(ctx context.Context, words []string) ([]int, error) {
		select {
		case <-time.After(time.Until(until)):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		lengths, after, err := post(words)
		until = time.Now().Add(after)
		return lengths, err
	}
	atOnce := func() func() time.Duration { return func() time.Duration { return 0 } }
	b := batcher.New(middleware.Retry(fn, nil, 5, atOnce), batcher.Options{})
	fmt.Println(b.Do(context.Background(), "word"))
	// Output:
	// call with ["word"]
	// call with ["word"]
	// 0 <nil>
}

// constantBackOff has the interface of the back-offs of
// github.com/cenkalti/backoff/v5, for which a negative time means stop, too.
type constantBackOff struct{}

func (constantBackOff) NextBackOff() time.Duration { return time.Millisecond }
func (constantBackOff) Reset()                     {}

// With github.com/cenkalti/backoff/v5 a method is all it takes:
//
//	waits := func() func() time.Duration { return backoff.NewExponentialBackOff().NextBackOff }
func ExampleRetry_cenkaltiBackoff() {
	waits := func() func() time.Duration { return constantBackOff{}.NextBackOff }
	b := batcher.New(middleware.Retry(busyOnce(), nil, 5, waits), batcher.Options{})
	fmt.Println(b.Do(context.Background(), "word"))
	// Output:
	// call with ["word"]
	// call with ["word"]
	// 4 <nil>
}

// constant has the interface of the back-offs of github.com/sethvargo/go-retry.
type constant struct{}

func (constant) Next() (next time.Duration, stop bool) { return time.Millisecond, false }

// With github.com/sethvargo/go-retry, which says stop with a second result,
// use retry.NewFibonacci(time.Second), say, where constant stands.
func ExampleRetry_goRetry() {
	waits := func() func() time.Duration {
		backoff := constant{}
		return func() time.Duration {
			d, stop := backoff.Next()
			if stop {
				return -1
			}
			return d
		}
	}
	b := batcher.New(middleware.Retry(busyOnce(), nil, 5, waits), batcher.Options{})
	fmt.Println(b.Do(context.Background(), "word"))
	// Output:
	// call with ["word"]
	// call with ["word"]
	// 4 <nil>
}
