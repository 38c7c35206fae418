package batcher_test

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gobatcher/batcher"
)

// benchModes are the ways to start a batch; each caller flushes what it has
// handed in where flush is set.
var benchModes = []struct {
	name  string
	opts  batcher.Options
	flush bool
}{
	{"idle", batcher.Options{MaxSize: 64}, false},
	{"delay", batcher.Options{MaxSize: 64, Delay: 100 * time.Microsecond}, false},
	{"manual", batcher.Options{MaxSize: 64, Manual: true}, true},
}

var benchCallers = []int{1, 64, 1024, 10_000}

func echo(_ context.Context, reqs []int) ([]int, error) { return reqs, nil }

// benchEach runs a benchmark for each mode, number of callers and context. Its
// caller hands in a number of requests; one iteration is one wave of all
// callers. What is reported is a request's share.
func benchEach(b *testing.B, flushing bool, caller func(x *batcher.Batcher[int, int], ctx context.Context, requests int, flush bool)) {
	for _, mode := range benchModes {
		if mode.flush && !flushing {
			continue
		}
		for _, callers := range benchCallers {
			for _, kind := range []string{"plain", "cancellable"} {
				b.Run(fmt.Sprintf("%s/%d/%s", mode.name, callers, kind), func(b *testing.B) {
					ctx := contextThat(b, kind == "cancellable")
					x := batcher.New(echo, mode.opts)
					requests := max(32, 1024/callers)
					if mode.opts.Delay > 0 && callers == 1 {
						requests = 32 // a lone Do waits for the whole delay
					}
					benchWaves(b, callers, requests, func(int) { caller(x, ctx, requests, mode.flush) })
					s := x.Stats()
					b.ReportMetric(float64(s.Succeeded)/float64(s.Batches), "req/batch")
				})
			}
		}
	}
}

// benchWaves runs waves of callers, which hand in so many requests each, and
// reports the time and the allocations of a request in place of a wave's.
func benchWaves(b *testing.B, callers, requests int, caller func(i int)) {
	wave := func() {
		var group sync.WaitGroup
		for i := range callers {
			group.Go(func() { caller(i) })
		}
		group.Wait()
	}
	wave() // what is made once
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for b.Loop() {
		wave()
	}
	total := float64(b.N * callers * requests)
	runtime.ReadMemStats(&after)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/total, "ns/req")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/total, "allocs/req")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/total, "B/req")
}

func BenchmarkDo(b *testing.B) {
	benchEach(b, false, func(x *batcher.Batcher[int, int], ctx context.Context, requests int, _ bool) {
		for i := range requests {
			if got, err := x.Do(ctx, i); got != i || err != nil {
				panic(fmt.Sprint(got, err))
			}
		}
	})
}

// BenchmarkSubmit hands all of a caller's requests in before it waits for the
// first answer. B/req counts its slice of futures too, 16 bytes for each.
func BenchmarkSubmit(b *testing.B) {
	benchEach(b, true, func(x *batcher.Batcher[int, int], ctx context.Context, requests int, flush bool) {
		futures := make([]batcher.Future[int], requests)
		for i := range futures {
			futures[i] = x.Submit(ctx, i)
		}
		if flush {
			x.Flush()
		}
		for i, f := range futures {
			if got, err := f.Wait(ctx); got != i || err != nil {
				panic(fmt.Sprint(got, err))
			}
		}
	})
}

func BenchmarkKeyed(b *testing.B) {
	const callers, requests = 64, 64
	for _, keys := range []int{1, 100, 100_000} {
		b.Run(strconv.Itoa(keys), func(b *testing.B) {
			x := batcher.NewKeyed(func(_ context.Context, _ int, reqs []int) ([]int, error) { return reqs, nil }, batcher.Options{MaxSize: 64})
			benchWaves(b, callers, requests, func(caller int) {
				for i := range requests {
					key := (caller*7919 + i*104_729) % keys
					if got, err := x.Do(context.Background(), key, i); got != i || err != nil {
						panic(fmt.Sprint(got, err))
					}
				}
			})
		})
	}
}

// BenchmarkBacklog has requests pile up while Func is busy, and then answers or
// withdraws them all: a request costs the same however many are pending.
func BenchmarkBacklog(b *testing.B) {
	for _, pending := range []int{1000, 1_000_000} {
		futures := make([]batcher.Future[int], pending)
		for _, maxSize := range []int{64, 0} {
			name := fmt.Sprintf("%d/MaxSize=%d/", pending, maxSize)
			b.Run(name+"answered", func(b *testing.B) {
				benchWaves(b, 1, pending, func(int) {
					release := pileUp(futures, maxSize)
					release()
					for _, f := range futures {
						f.Wait(context.Background())
					}
				})
			})
			b.Run(name+"withdrawn", func(b *testing.B) {
				benchWaves(b, 1, pending, func(int) {
					release := pileUp(futures, maxSize)
					for _, f := range futures {
						f.Cancel()
					}
					release()
				})
			})
		}
	}
}

// pileUp submits requests behind a batch that runs until it is released.
func pileUp(futures []batcher.Future[int], maxSize int) (release func()) {
	gate, running := make(chan struct{}), make(chan struct{}, len(futures))
	x := batcher.New(func(_ context.Context, reqs []int) ([]int, error) {
		running <- struct{}{}
		<-gate
		return reqs, nil
	}, batcher.Options{MaxSize: maxSize})
	first := x.Submit(context.Background(), 0)
	<-running
	for i := range futures {
		futures[i] = x.Submit(context.Background(), i)
	}
	return func() {
		close(gate)
		first.Wait(context.Background())
	}
}
