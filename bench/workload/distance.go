package workload

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// distance is the time in ns that a cache line takes from one core to another and back: the least of some tries, which are short, since on a busy machine
// one of the two threads may have no core for milliseconds. It is 0 where Go uses one core only. It says much about the other figures: between some cores of
// a machine it may be several times as long as between others.
func distance() float64 {
	const tries, trips, limit = 20, 100, 50 * time.Millisecond
	if runtime.GOMAXPROCS(0) < 2 {
		return 0
	}
	best, start := time.Hour, clock()
	for try := 0; try < tries && (try == 0 || clock()-start < limit); try++ {
		best = min(best, roundTrips(trips))
	}
	return float64(best) / trips
}

// roundTrips is how long two threads need to take n turns each at a counter.
func roundTrips(n int64) time.Duration {
	var turn atomic.Int64
	await := func(i int64) {
		for turn.Load() != i {
		}
	}
	var other sync.WaitGroup
	other.Go(func() {
		runtime.LockOSThread()
		for i := int64(1); i < 2*n+2; i += 2 {
			await(i)
			turn.Store(i + 1)
		}
		runtime.UnlockOSThread()
	})
	runtime.LockOSThread()
	turn.Store(1)
	await(2) // the other thread runs
	start := clock()
	for i := int64(2); i < 2*n+2; i += 2 {
		turn.Store(i + 1)
		await(i + 2)
	}
	took := clock() - start
	runtime.UnlockOSThread()
	other.Wait()
	return took
}
