package batcher

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// What a run tells of Func's time while reschedule rests reaches the batches
// that wait for a deadline at the end of the rest, each time.
func TestWhatMovesWhileRescheduleRestsCountsAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, took := time.Now(), time.Duration(0)
		k := NewKeyed(func(_ context.Context, _ string, reqs []int) ([]int, error) {
			time.Sleep(took)
			return reqs, nil
		}, Options{Delay: time.Hour})
		ctx, cancel := context.WithDeadline(context.Background(), start.Add(time.Minute))
		defer cancel()
		waits := k.Submit(ctx, "waits", 1)
		for _, took = range []time.Duration{time.Second, 4 * time.Second} {
			k.pool.mu.Lock()
			k.pool.rested = k.pool.clock() + 10*time.Second
			k.pool.mu.Unlock()
			runs := k.Submit(context.Background(), "runs", 1)
			k.Flush("runs")
			runs.Wait(context.Background())
			time.Sleep(20 * time.Second)
		}
		took = 0
		waits.Wait(context.Background())
		if got, want := time.Since(start), 56375*time.Millisecond; got != want { // earlier if the first run is lost, later if the second is
			t.Errorf("it ran at %v, want %v", got, want)
		}
		k.Close()
	})
}
