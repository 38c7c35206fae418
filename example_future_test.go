package batcher_test

import (
	"context"
	"fmt"
	"time"

	"github.com/gobatcher/batcher"
)

// The end of the wait's context ends the wait only: the request goes on.
func ExampleFuture_Wait() {
	ctx := context.Background()
	b := batcher.New(double, batcher.Options{Manual: true})
	f := b.Submit(ctx, 21)

	short, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	fmt.Println(f.Wait(short))

	b.Close()
	fmt.Println(f.Wait(ctx))
	fmt.Println(f.Wait(short)) // an answer that is there wins
	// Output:
	// 0 context deadline exceeded
	// 42 <nil>
	// 42 <nil>
}

// Done is for a select.
func ExampleFuture_Done() {
	ctx := context.Background()
	b := batcher.New(double, batcher.Options{})
	defer b.Close()
	f := b.Submit(ctx, 21)

	select {
	case <-f.Done():
		fmt.Println(f.Wait(ctx))
	case <-time.After(time.Minute):
		fmt.Println("too late")
	}
	// Output: 42 <nil>
}

// A request that is no longer needed is withdrawn; its neighbours go on.
func ExampleFuture_Cancel() {
	ctx := context.Background()
	b := batcher.New(process, batcher.Options{Manual: true})
	first, second := b.Submit(ctx, 3), b.Submit(ctx, 4)

	fmt.Println(first.Cancel())

	b.Close()
	fmt.Println(first.Wait(ctx))
	fmt.Println(second.Wait(ctx))
	// Output:
	// true
	// a batch of 1
	// 0 batcher: canceled
	// 16 <nil>
}
