package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
)

const (
	rate        = 5000 // requests a second, over all front ends
	manyWorkers = 16
)

// openLoops measures with requests that come at a rate, whatever is answered.
func (m *measurement) openLoops() error {
	for _, n := range []int{workers, manyWorkers} {
		b, err := m.bench(n, 1, linger)
		if err != nil {
			return err
		}
		if _, err := b.openLoop(m.ctx, lasts/5); err != nil {
			return err
		}
		b.meanBatch()
		times, err := b.openLoop(m.ctx, lasts)
		if err != nil {
			return err
		}
		mean := b.meanBatch()
		if err := b.close(); err != nil {
			return err
		}
		p50, p99 := quantile(times, 0.5), quantile(times, 0.99)
		what := itoa(rate) + "/s open loop, " + itoa(n) + " workers: "
		m.table.add(p50 <= 16*time.Millisecond && p99 <= 40*time.Millisecond, what+"p50 and p99", "at most 16 ms and 40 ms",
			"%.1f ms and %.1f ms", ms(p50), ms(p99))
		m.table.add(mean >= 15, what+"mean batch of "+itoa(batchSize), "at least 15", "%.1f", mean)
	}
	return nil
}

// openLoop gives how long each request took, from when it was due.
func (b *bench) openLoop(ctx context.Context, lasts time.Duration) ([]time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mu sync.Mutex // guards times
	var times []time.Duration
	var group sync.WaitGroup
	began := time.Now()
	for i := 0; ctx.Err() == nil; i++ {
		due := began.Add(time.Duration(i) * time.Second / rate)
		if due.Sub(began) > lasts {
			break
		}
		if wait := time.Until(due); wait > 0 {
			time.Sleep(wait)
		}
		c := b.clients[i%len(b.clients)]
		group.Go(func() {
			if err := one(ctx, c); err != nil {
				cancel(err)
				return
			}
			mu.Lock()
			times = append(times, time.Since(due))
			mu.Unlock()
		})
	}
	group.Wait()
	return times, context.Cause(ctx)
}

func one(ctx context.Context, c *natsbatch.Client[[]byte, []byte]) error {
	_, err := c.Do(ctx, make([]byte, requestSize))
	return err
}

func quantile(times []time.Duration, share float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return times[int(share*float64(len(times)-1))]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
