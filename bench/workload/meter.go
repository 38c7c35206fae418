package workload

import (
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gobatcher/batcher/bench/stat"
	"github.com/gobatcher/batcher/bench/subject"
)

var epoch = time.Now()

// clock is the time since the process started. Reading only the monotonic clock costs half of what time.Now does.
func clock() time.Duration { return time.Since(epoch) }

// clockCost is the interval between two readings of the clock when nothing happens in between; it is subtracted from latencies.
func clockCost() time.Duration {
	costs := make([]time.Duration, 1001)
	for i := range costs {
		costs[i] = -clock() + clock()
	}
	slices.Sort(costs)
	return stat.Percentile(costs, 50)
}

// counter counts the batches that a Func sees.
type counter struct{ batches atomic.Int64 }

// settings make a subject count its batches and, if work is not nil, call work for each.
func (c *counter) settings(handlers int, work func()) subject.Settings {
	count := func(int) { c.batches.Add(1) }
	if work != nil {
		count = func(int) {
			c.batches.Add(1)
			work()
		}
	}
	return subject.Settings{MaxSize: MaxSize, Delay: Delay, Handlers: handlers, Work: count}
}

// gauge is a reading of all that is measured, taken before and after.
type gauge struct {
	at      time.Duration
	memory  runtime.MemStats
	batches int64
}

func (c *counter) read() gauge {
	var g gauge
	g.batches = c.batches.Load()
	runtime.ReadMemStats(&g.memory)
	g.at = clock()
	return g
}

// since divides what happened between two gauges by the number of requests.
func (g gauge) since(before gauge, requests int) Result {
	n := float64(requests)
	result := Result{
		Requests: requests,
		Ns:       float64(g.at-before.at) / n,
		Allocs:   float64(g.memory.Mallocs-before.memory.Mallocs) / n,
		Bytes:    float64(g.memory.TotalAlloc-before.memory.TotalAlloc) / n,
	}
	if batches := g.batches - before.batches; batches > 0 {
		result.MeanBatch = n / float64(batches)
	}
	return result
}

// setLatencies sorts latencies and keeps what the report shows of them.
func (r *Result) setLatencies(latencies []time.Duration) {
	slices.Sort(latencies)
	r.P50 = float64(stat.Percentile(latencies, 50))
	r.P99 = float64(stat.Percentile(latencies, 99))
}
