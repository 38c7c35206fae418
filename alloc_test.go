package batcher_test

import (
	"context"
	"math"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/gobatcher/batcher"
)

const (
	allocBatch    = 64
	allocRequests = 30 * allocBatch
)

// allocCases are a context that cannot end and one that can, and the most that
// a request may allocate with them. One that can end is watched, once for a
// batch: that costs up to four allocations more for each.
var allocCases = []struct {
	name   string
	ends   bool
	allocs float64
	bytes  float64
}{
	{"plain", false, 0.12, 24},
	{"cancellable", true, 0.22, 48},
}

// expectAllocs measures what run, which hands in allocRequests, allocates: the
// least of ten times. What the runtime makes once for each processor, for
// goroutines that wait, comes on top at first: 64 callers on 8 processors have
// been seen to cost 0.15 allocations a request more so.
func expectAllocs(t *testing.T, mostAllocs, mostBytes float64, run func()) {
	t.Helper()
	allocs, bytes := math.Inf(1), math.Inf(1)
	var before, after runtime.MemStats
	for range 10 {
		runtime.ReadMemStats(&before)
		run()
		runtime.ReadMemStats(&after)
		allocs = min(allocs, float64(after.Mallocs-before.Mallocs)/allocRequests)
		bytes = min(bytes, float64(after.TotalAlloc-before.TotalAlloc)/allocRequests)
	}
	if allocs > mostAllocs || bytes > mostBytes {
		t.Errorf("%.3f allocations, %.1f bytes a request; at most %v and %v", allocs, bytes, mostAllocs, mostBytes)
	}
}

func TestAllocationsOfDo(t *testing.T) {
	for _, c := range allocCases {
		t.Run(c.name, func(t *testing.T) {
			ctx := contextThat(t, c.ends)
			b := batcher.New(func(_ context.Context, reqs []int) ([]int, error) { return reqs, nil },
				batcher.Options{MaxSize: allocBatch, Delay: time.Hour})
			rounds := make([]chan struct{}, allocBatch)
			var callers, round sync.WaitGroup
			for i := range rounds {
				rounds[i] = make(chan struct{})
				callers.Go(func() {
					for range rounds[i] {
						for range allocRequests / allocBatch {
							b.Do(ctx, i)
						}
						round.Done()
					}
				})
			}
			expectAllocs(t, c.allocs, c.bytes, func() {
				round.Add(allocBatch)
				for _, r := range rounds {
					r <- struct{}{}
				}
				round.Wait()
			})
			for _, r := range rounds {
				close(r)
			}
			callers.Wait()
		})
	}
}

func TestAllocationsOfSubmitAndWait(t *testing.T) {
	for _, c := range allocCases {
		t.Run(c.name, func(t *testing.T) {
			ctx := contextThat(t, c.ends)
			b := batcher.New(func(_ context.Context, reqs []int) ([]int, error) { return reqs, nil },
				batcher.Options{MaxSize: allocBatch, Delay: time.Hour})
			futures := make([]batcher.Future[int], allocBatch)
			expectAllocs(t, c.allocs, c.bytes, func() {
				for range allocRequests / allocBatch {
					for i := range futures {
						futures[i] = b.Submit(ctx, i)
					}
					for _, f := range futures {
						f.Wait(ctx)
					}
				}
			})
		})
	}
}

// What a request allocates does not depend on how many are pending.
func TestBacklogCostsTheSameForEachRequest(t *testing.T) {
	bytesEach := func(pending int) float64 {
		futures := make([]batcher.Future[int], pending)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		release := pileUp(futures, 0)
		for i, f := range futures {
			if i%2 == 0 {
				f.Cancel()
			}
		}
		release()
		for _, f := range futures {
			f.Wait(context.Background())
		}
		runtime.ReadMemStats(&after)
		return float64(after.TotalAlloc-before.TotalAlloc) / float64(pending)
	}
	if few, many := bytesEach(500), bytesEach(10_000); many > 2*few {
		t.Errorf("%.0f bytes a request with 500 pending, %.0f with 10000", few, many)
	}
}

// contextThat returns a context that can end, or one that cannot.
func contextThat(t testing.TB, ends bool) context.Context {
	if !ends {
		return context.Background()
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	return ctx
}

// The batches of lone requests are made with room for as many as there were
// before, not for long.
func TestRoomForABurstIsForgottenWhenItIsOver(t *testing.T) {
	type large [256]byte
	const burst = 1 << 14
	b := batcher.New(func(_ context.Context, reqs []large) ([]int, error) { return make([]int, len(reqs)), nil }, batcher.Options{Manual: true})
	submit := func(n int) {
		var last batcher.Future[int]
		for range n {
			last = b.Submit(context.Background(), large{})
		}
		b.Flush()
		last.Wait(context.Background())
	}
	submit(burst)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 200 {
		submit(1)
	}
	runtime.ReadMemStats(&after)
	if grown := (after.TotalAlloc - before.TotalAlloc) / uint64(burst*len(large{})); grown > 3 { // room for as many bursts
		t.Errorf("lone requests took the room of %d bursts", grown)
	}
	b.Close()
}

// A lone Do's batch is used again, so all that it allocates is for its run.
func TestAllocationsOfALoneDo(t *testing.T) {
	b := batcher.New(func(_ context.Context, reqs []int) ([]int, error) { return reqs, nil }, batcher.Options{})
	ctx := context.Background()
	if n := testing.AllocsPerRun(1000, func() { b.Do(ctx, 1) }); n > 3 {
		t.Errorf("%v allocations, at most 3", n)
	}
}
