package batcher_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gobatcher/batcher"
)

// Options that come from a configuration file are checked before New, which
// would panic.
func ExampleOptions_Validate() {
	opts := batcher.Options{MinSize: 20, MaxSize: 10, Manual: true, Delay: time.Second}
	fmt.Println(opts.Validate())
	// Output:
	// batcher: Options: MinSize is 20, above MaxSize, which is 10
	// batcher: Options: Manual excludes Delay, which is 1s
}

// By default nothing waits: what comes while a batch runs forms the next one.
func ExampleOptions_idle() {
	ctx := context.Background()
	running, finish := make(chan struct{}), make(chan struct{})
	b := batcher.New(func(_ context.Context, reqs []int) ([]int, error) {
		if reqs[0] == 1 {
			close(running)
			<-finish
		}
		fmt.Println(reqs)
		return reqs, nil
	}, batcher.Options{})

	b.Submit(ctx, 1)
	<-running
	b.Submit(ctx, 2)
	b.Submit(ctx, 3)
	close(finish)
	b.Close()
	// Output:
	// [1]
	// [2 3]
}

// With StrictSize a batch below MinSize never runs.
func ExampleOptions_strictSize() {
	ctx := context.Background()
	b := batcher.New(double, batcher.Options{MinSize: 2, StrictSize: true})
	pair := b.Submit(ctx, 1)
	b.Submit(ctx, 2)
	fmt.Println(pair.Wait(ctx))

	single := b.Submit(ctx, 3)
	fmt.Println("Flush:", b.Flush())
	b.Close()
	_, err := single.Wait(ctx)
	fmt.Println("single:", err)
	// Output:
	// 2 <nil>
	// Flush: batcher: batch not ready: it holds 1, needs 2
	// single: batcher: closed
}

// MaxConcurrent batches are processed at once.
func ExampleOptions_maxConcurrent() {
	ctx := context.Background()
	var together sync.WaitGroup
	together.Add(3)
	b := batcher.New(func(_ context.Context, reqs []int) ([]int, error) {
		together.Done()
		together.Wait() // until three batches run
		return reqs, nil
	}, batcher.Options{MaxSize: 1, MaxConcurrent: 3})

	for n := range 3 {
		b.Submit(ctx, n)
	}
	b.Close()
	fmt.Println("batches:", b.Stats().Batches)
	// Output: batches: 3
}

// Where MaxPending leaves no room, Submit and Do wait, no longer than their context lasts.
func ExampleOptions_maxPending() {
	ctx := context.Background()
	b := batcher.New(double, batcher.Options{Manual: true, MaxPending: 1})
	b.Submit(ctx, 1)

	limit, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	_, err := b.Do(limit, 2)
	fmt.Println(errors.Is(err, context.DeadlineExceeded))

	b.Flush() // the answer makes room
	f := b.Submit(ctx, 3)
	b.Close()
	fmt.Println(f.Wait(ctx))
	// Output:
	// true
	// 6 <nil>
}

// Go runs the batches in goroutines of the program's own, here in a pool of two.
func ExampleOptions_workerPool() {
	ctx := context.Background()
	tasks := make(chan func())
	for range 2 {
		go func() {
			for task := range tasks {
				task()
			}
		}()
	}
	b := batcher.New(double, batcher.Options{
		MaxConcurrent: 2, // no more than there are workers
		Go:            func(task func()) { tasks <- task },
	})

	fmt.Println(b.Do(ctx, 21))

	b.Close()
	close(tasks)
	// Output: 42 <nil>
}
