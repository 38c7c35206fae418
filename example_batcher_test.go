package batcher_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gobatcher/batcher"
)

// double is the Func of the examples that do not show one.
func double(_ context.Context, reqs []int) ([]int, error) {
	res := make([]int, len(reqs))
	for i, n := range reqs {
		res[i] = 2 * n
	}
	return res, nil
}

func ExampleNew() {
	lengths := func(_ context.Context, words []string) ([]int, error) {
		res := make([]int, len(words))
		for i, word := range words {
			res[i] = len(word)
		}
		return res, nil
	}
	b := batcher.New(lengths, batcher.Options{})
	defer b.Close()

	fmt.Println(b.Do(context.Background(), "batch"))
	// Output: 5 <nil>
}

// When the caller's context ends, Do returns at once, and the request is not processed.
func ExampleBatcher_Do() {
	b := batcher.New(double, batcher.Options{Manual: true})
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()

	_, err := b.Do(ctx, 1) // nobody flushes

	b.Close()
	fmt.Println(err)
	fmt.Println("processed:", b.Stats().Succeeded)
	// Output:
	// context deadline exceeded
	// processed: 0
}

// One goroutine submits many requests before it waits for the first answer.
func ExampleBatcher_Submit() {
	ctx := context.Background()
	b := batcher.New(double, batcher.Options{MaxSize: 3})
	defer b.Close()

	var futures []batcher.Future[int]
	for n := 1; n <= 3; n++ {
		futures = append(futures, b.Submit(ctx, n))
	}
	for _, f := range futures {
		fmt.Println(f.Wait(ctx))
	}
	// Output:
	// 2 <nil>
	// 4 <nil>
	// 6 <nil>
}

// TrySubmit does not wait for room: if there is none, it says so at once.
func ExampleBatcher_TrySubmit() {
	ctx := context.Background()
	b := batcher.New(double, batcher.Options{Manual: true, MaxPending: 1})
	defer b.Close()

	b.TrySubmit(ctx, 1)
	_, err := b.TrySubmit(ctx, 2).Wait(ctx)

	fmt.Println(errors.Is(err, batcher.ErrFull))
	fmt.Println(err)
	// Output:
	// true
	// batcher: full: MaxPending is 1, and as many requests are pending
}

// The program knows when a batch is complete: here, at the end of a line of input.
func ExampleBatcher_Flush() {
	ctx := context.Background()
	b := batcher.New(process, batcher.Options{Manual: true})
	defer b.Close()

	for _, line := range [][]int{{1, 2, 3}, {4, 5}} {
		var last batcher.Future[int]
		for _, n := range line {
			last = b.Submit(ctx, n)
		}
		if err := b.Flush(); err != nil {
			fmt.Println(err)
		}
		last.Wait(ctx)
	}
	// Output:
	// a batch of 3
	// a batch of 2
}

// The batch that collects can be looked at, started and canceled.
func ExampleBatcher_Current() {
	ctx := context.Background()
	b := batcher.New(double, batcher.Options{Manual: true})
	defer b.Close()

	f := b.Submit(ctx, 1)
	batch := b.Current()
	fmt.Println(batch.Len(), batch.State())
	batch.Cancel()
	fmt.Println(batch.State())

	_, err := f.Wait(ctx)
	fmt.Println(err)
	// Output:
	// 1 ready
	// canceled
	// batcher: canceled
}

// Close processes what was accepted and refuses what comes later.
func ExampleBatcher_Close() {
	ctx := context.Background()
	b := batcher.New(double, batcher.Options{Delay: time.Hour})
	accepted := b.Submit(ctx, 21)

	b.Close()

	fmt.Println(accepted.Wait(ctx))
	fmt.Println(b.Do(ctx, 1))
	// Output:
	// 42 <nil>
	// 0 batcher: closed
}

// Shutdown gives up when its context ends, and ends the context of Func.
func ExampleBatcher_Shutdown() {
	ctx := context.Background()
	running := make(chan struct{})
	b := batcher.New(func(ctx context.Context, reqs []int) ([]int, error) {
		close(running)
		<-ctx.Done() // a call that takes too long
		return nil, ctx.Err()
	}, batcher.Options{MaxSize: 1})
	first, second := b.Submit(ctx, 1), b.Submit(ctx, 2)
	<-running

	limit, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	fmt.Println("shutdown:", b.Shutdown(limit))

	_, err := first.Wait(ctx)
	fmt.Println("first:", err)
	_, err = second.Wait(ctx)
	fmt.Println("second:", err)
	// Output:
	// shutdown: context deadline exceeded
	// first: batcher: closed while Func ran: context canceled
	// second: batcher: closed
}

func ExampleBatcher_Stats() {
	ctx := context.Background()
	b := batcher.New(double, batcher.Options{Manual: true})
	b.Submit(ctx, 1)
	b.Submit(ctx, 2)
	b.Submit(ctx, 3).Cancel()
	fmt.Println("pending:", b.Stats().Pending)

	b.Close()

	s := b.Stats()
	fmt.Println("submitted:", s.Submitted, "succeeded:", s.Succeeded, "canceled:", s.Canceled)
	fmt.Println("batches:", s.Batches, "started by Close:", s.Started(batcher.TriggerClose))
	// Output:
	// pending: 2
	// submitted: 3 succeeded: 2 canceled: 1
	// batches: 1 started by Close: 1
}
