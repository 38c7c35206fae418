package batcher_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gobatcher/batcher"
)

// A batch by hand is filled and started by the program.
func ExampleNewBatch() {
	ctx := context.Background()
	b := batcher.NewBatch(double, batcher.BatchOptions{MinSize: 2})

	b.Add(ctx, 1)
	fmt.Println(b.State(), b.Start())
	b.Add(ctx, 2)
	fmt.Println(b.State(), b.Start())
	<-b.Done()
	fmt.Println(b.State())
	// Output:
	// open batcher: batch not ready: it holds 1, needs 2
	// ready <nil>
	// done
}

func ExampleBatch_Add() {
	ctx := context.Background()
	b := batcher.NewBatch(double, batcher.BatchOptions{MaxSize: 1})

	f, _ := b.Add(ctx, 1)
	_, err := b.Add(ctx, 2)
	fmt.Println(errors.Is(err, batcher.ErrFull), b.Full())

	b.Start()
	fmt.Println(f.Wait(ctx))
	// Output:
	// true true
	// 2 <nil>
}

// After a while the batch starts with what it holds.
func ExampleBatch_StartAfter() {
	ctx := context.Background()
	b := batcher.NewBatch(process, batcher.BatchOptions{MaxSize: 100, StartWhenFull: true})
	b.Add(ctx, 1)
	b.Add(ctx, 2)

	b.StartAfter(10 * time.Millisecond)

	<-b.Done()
	// Output: a batch of 2
}

func ExampleBatch_Cancel() {
	ctx := context.Background()
	b := batcher.NewBatch(process, batcher.BatchOptions{})
	f, _ := b.Add(ctx, 1)

	fmt.Println(b.Cancel())

	_, err := f.Wait(ctx)
	fmt.Println(err)
	// Output:
	// true
	// batcher: canceled
}

// Results returns all answers together, in the order of Add.
func ExampleBatch_Results() {
	ctx := context.Background()
	b := batcher.NewBatch(double, batcher.BatchOptions{})
	for n := 1; n <= 3; n++ {
		f, _ := b.Add(ctx, n)
		if n == 2 {
			f.Cancel()
		}
	}
	b.Start()

	results, err := b.Results(ctx)

	for _, r := range results {
		fmt.Println(r.Value, r.Err)
	}
	fmt.Println("the batch:", err)
	// Output:
	// 2 <nil>
	// 0 batcher: canceled
	// 6 <nil>
	// the batch: <nil>
}
