package workload

import (
	"context"
	"runtime"

	"github.com/gobatcher/batcher"
)

func runBacklog(n int, b Budget) (Result, error) {
	return repeat(b.Time, func() (Result, error) { return backlog(n) })
}

// backlog submits n requests behind a slot that is held by the first batch, then lets go and collects all.
func backlog(n int) (Result, error) {
	count := new(counter)
	release := make(chan struct{})
	queue := batcher.New(func(_ context.Context, reqs []int) ([]int, error) {
		<-release
		count.batches.Add(1)
		return reqs, nil
	}, batcher.Options{MaxSize: MaxSize, Manual: true})
	ctx := context.Background()
	futures := make([]batcher.Future[int], n)
	clear(futures) // the first touch of fresh memory is not the queue's cost
	runtime.GC()
	before := count.read()
	for i := range futures {
		futures[i] = queue.Submit(ctx, i)
	}
	if err := queue.Flush(); err != nil {
		return Result{}, err
	}
	close(release)
	for i := range futures {
		if res, err := futures[i].Wait(ctx); err != nil || res != i {
			return Result{}, wrong(i, res, err)
		}
	}
	result := count.read().since(before, n)
	return result, queue.Close()
}
