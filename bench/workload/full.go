package workload

import (
	"context"
	"runtime"

	"github.com/gobatcher/batcher"
)

// fullBatches is how many batches FullBatches fills: enough to make what happens only once negligible.
const fullBatches = 2_000

// FullBatches measures what a request allocates when every batch is full, which does not depend on timing: every run allocates the same, but for
// what the runtime itself allocates.
func FullBatches() (Result, error) {
	count := new(counter)
	full := batcher.New(func(_ context.Context, reqs []int) ([]int, error) {
		count.batches.Add(1)
		return reqs, nil
	}, batcher.Options{MaxSize: MaxSize, Manual: true})
	ctx := context.Background()
	futures := make([]batcher.Future[int], MaxSize)
	runtime.GC()
	before := count.read()
	for range fullBatches {
		for i := range futures {
			futures[i] = full.Submit(ctx, i)
		}
		for i := range futures {
			if res, err := futures[i].Wait(ctx); err != nil || res != i {
				return Result{}, wrong(i, res, err)
			}
		}
	}
	result := count.read().since(before, fullBatches*MaxSize)
	result.Cell = Cell{Workload: "full batches", Size: MaxSize, Subject: BatcherManual}
	return result, full.Close()
}
