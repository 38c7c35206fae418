package workload

import (
	"context"
	"runtime"

	"github.com/gobatcher/batcher"
)

func runKeys(n int, b Budget) (Result, error) {
	result, err := repeat(b.Time, func() (Result, error) {
		runtime.GC()
		return keys(n, func() int64 { return 0 })
	})
	if err != nil {
		return Result{}, err
	}
	// In a pass of its own: what the garbage collector has returned to the system would have to be asked for again.
	weighed, err := keys(n, heap)
	result.Live, result.Left = weighed.Live, weighed.Left
	return result, err
}

// keys submits one request for each of n keys while the only slot is held, then lets go and collects all. Reading heap is not part of the time.
func keys(n int, heap func() int64) (Result, error) {
	count := new(counter)
	release := make(chan struct{})
	keyed := batcher.NewKeyed(func(_ context.Context, _ int, reqs []int) ([]int, error) {
		<-release
		count.batches.Add(1)
		return reqs, nil
	}, batcher.Options{MaxSize: MaxSize})
	futures := make([]batcher.Future[int], n)
	clear(futures) // the first touch of fresh memory is not the cost of keys
	empty := heap()

	began := clock()
	submitKeys(keyed, futures)
	spent := clock() - began
	live := heap() - empty

	began = clock()
	close(release)
	if err := collectKeys(futures); err != nil {
		return Result{}, err
	}
	spent += clock() - began
	clear(futures)
	left := max(heap()-empty, 0)
	runtime.KeepAlive(futures) // counted before, so after too
	return Result{
		Requests:  n,
		Ns:        float64(spent) / float64(n),
		MeanBatch: float64(n) / float64(count.batches.Load()),
		Live:      float64(live) / float64(n),
		Left:      float64(left) / float64(n),
	}, keyed.Close()
}

func submitKeys(keyed *batcher.Keyed[int, int, int], futures []batcher.Future[int]) {
	ctx := context.Background()
	for key := range futures {
		futures[key] = keyed.Submit(ctx, key, key)
	}
}

func collectKeys(futures []batcher.Future[int]) error {
	ctx := context.Background()
	for key := range futures {
		if res, err := futures[key].Wait(ctx); err != nil || res != key {
			return wrong(key, res, err)
		}
	}
	return nil
}

// heap is what is reachable, in bytes. A sync.Pool gives up what it holds only in the second collection after its last use.
func heap() int64 {
	for range 3 {
		runtime.GC()
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return int64(memory.HeapAlloc)
}
