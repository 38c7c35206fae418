package batcher_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
)

func TestMinSizeIsEnoughToTakeAFreeSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{MinSize: 3, Delay: 10 * time.Second})
		submitAll(b, 1)
		r.until(1 * time.Second)
		submitAll(b, 2)
		r.until(2 * time.Second)
		submitAll(b, 3)
		r.expect(t, "2s idle [1 2 3]")
	})
}

func TestBelowMinSizeTheDelayIsTheLatest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{MinSize: 3, Delay: 10 * time.Second})
		submitAll(b, 1)
		r.until(4 * time.Second)
		submitAll(b, 2)
		r.until(11 * time.Second)
		submitAll(b, 3)
		r.until(30 * time.Second)
		r.expect(t, "10s delay [1 2]", "21s delay [3]")
	})
}

func TestMinSizeAloneWaitsTenMilliseconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{MinSize: 2})
		submitAll(b, 1)
		r.until(1 * time.Second)
		r.expect(t, "10ms delay [1]")
	})
}

func TestMinSizeOneWaitsForNothing(t *testing.T) {
	for _, delay := range []time.Duration{0, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			r := record()
			b := batcher.New(r.process, batcher.Options{MinSize: 1, Delay: delay})
			submitAll(b, 1)
			r.expect(t, "0s idle [1]")
		})
	}
}

func TestAboveMinSizeABatchGathersUntilASlotIsFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{MinSize: 2, MaxSize: 4, Delay: 10 * time.Second})
		submitAll(b, 1, 2)
		r.until(1 * time.Second)
		submitAll(b, 3, 4)
		r.until(2 * time.Second)
		submitAll(b, 5)
		r.until(3 * time.Second)
		r.release(1)
		r.until(4 * time.Second)
		submitAll(b, 6)
		r.until(5 * time.Second)
		r.release(1) // 6 alone is not enough
		r.until(15 * time.Second)
		r.release(1)

		r.expect(t, "0s idle [1 2]", "3s idle [3 4 5]", "14s delay [6]")
	})
}

// The second program of the documentation, in virtual time.
func TestFiftyCallersMakeBatchesOfFiveToTwenty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int // one slot: no two batches at once
		b := batcher.New(func(_ context.Context, reqs []int) ([]int, error) {
			sizes = append(sizes, len(reqs))
			time.Sleep(100 * time.Millisecond)
			return tenfold(reqs), nil
		}, batcher.Options{MinSize: 5, MaxSize: 20})
		var callers sync.WaitGroup
		for i := range 50 {
			callers.Go(func() {
				if got, err := b.Do(context.Background(), i); got != 10*i || err != nil {
					t.Errorf("request %d got %d, %v", i, got, err)
				}
			})
		}
		callers.Wait()
		sum := 0
		for i, n := range sizes {
			sum += n
			if n > 20 || n < 5 && i < len(sizes)-1 {
				t.Errorf("batches of %v", sizes)
			}
		}
		if sum != 50 {
			t.Errorf("batches of %v", sizes)
		}
	})
}

func TestStrictSizeWaitsForMinSizeWhateverTheDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{MinSize: 3, StrictSize: true, Delay: time.Second})
		submitAll(b, 1, 2)
		r.until(time.Hour)
		r.expect(t)

		submitAll(b, 3)

		r.expect(t, "1h0m0s idle [1 2 3]")
	})
}

func TestStrictSizeAloneHasNoDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{MinSize: 3, StrictSize: true})
		submitAll(b, 1, 2)
		r.until(time.Hour)
		r.expect(t)
		if err := b.Flush(); !errors.Is(err, batcher.ErrNotReady) {
			t.Errorf("Flush below MinSize: %v", err)
		}
		submitAll(b, 3)
		r.expect(t, "1h0m0s idle [1 2 3]")
	})
}

func TestStrictSizeDoesNotCountTheCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{MinSize: 2, MaxSize: 3, StrictSize: true})
		submitAll(b, 1, 2)
		r.until(1 * time.Second)
		gone := submitAll(b, 3, 4) // enough, but the slot is busy
		gone[0].Cancel()           // no longer enough
		r.until(2 * time.Second)
		r.release(1)
		r.until(3 * time.Second)
		r.expect(t, "0s idle [1 2]")
		submitAll(b, 5) // enough again
		r.expect(t, "0s idle [1 2]", "3s idle [4 5]")
		r.until(4 * time.Second)
		submitAll(b, 6, 7)[0].Cancel()
		submitAll(b, 8, 9) // full with these two, not before
		submitAll(b, 10)
		r.until(5 * time.Second)
		r.release(2)

		r.expect(t, "0s idle [1 2]", "3s idle [4 5]", "5s size [7 8 9]")
	})
}

func TestWhatLeavesAStrictBatchThatHasStartedIsNotReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{MinSize: 3, MaxSize: 3, StrictSize: true})
		submitAll(b, 1, 2, 3)
		synctest.Wait() // it runs
		submitAll(b, 4, 5, 6)[1].Cancel()
		submitAll(b, 7, 8, 9)
		r.release(3)
		r.expect(t, "0s size [1 2 3]", "0s size [4 6]", "0s size [7 8 9]")
	})
}

func TestWithoutStrictSizeTheCanceledCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{MinSize: 3, MaxSize: 4, Delay: time.Second})
		futures := submitAll(b, 1, 2)
		futures[0].Cancel()
		submitAll(b, 3)
		r.expect(t, "0s idle [2 3]")
	})
}

func TestWithoutStrictSizeTheCanceledCountForMaxSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{MaxSize: 3, Delay: time.Second})
		futures := submitAll(b, 1, 2)
		futures[0].Cancel()
		submitAll(b, 3)
		r.expect(t, "0s size [2 3]")
	})
}
