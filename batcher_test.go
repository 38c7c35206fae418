package batcher_test

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
)

func TestIdleRequestWaitsForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{})

		got, err := b.Do(context.Background(), 1)

		if got != 10 || err != nil {
			t.Errorf("got %d, %v", got, err)
		}
		r.expect(t, "0s idle [1]")
	})
}

func TestIdleRequestsGatherWhileTheSlotIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{})
		first := submitAll(b, 1)
		r.until(1 * time.Second)
		second := submitAll(b, 2)
		r.until(2 * time.Second)
		second = append(second, submitAll(b, 3, 4)...)
		r.until(5 * time.Second)
		r.expect(t, "0s idle [1]")

		r.release(2)

		r.expect(t, "0s idle [1]", "5s idle [2 3 4]")
		expectAnswers(t, first, 10)
		expectAnswers(t, second, 20, 30, 40)
	})
}

func TestFullBatchStartsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{MaxSize: 3, Delay: time.Hour})
		submitAll(b, 1)
		r.until(1 * time.Second)
		submitAll(b, 2)
		r.until(2 * time.Second)
		r.expect(t)

		submitAll(b, 3)

		r.expect(t, "2s size [1 2 3]")
	})
}

func TestFullBatchIsSealedWhileItWaitsForASlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{MaxSize: 2})
		submitAll(b, 1)
		r.until(1 * time.Second)
		submitAll(b, 2, 3, 4)
		r.until(2 * time.Second)
		submitAll(b, 5, 6)
		r.until(3 * time.Second)

		r.release(4)

		r.expect(t, "0s idle [1]", "3s size [2 3]", "3s size [4 5]", "3s idle [6]")
	})
}

func TestBatchIsBoundLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{Delay: time.Second})
		submitAll(b, 1)
		r.until(2 * time.Second)
		submitAll(b, 2) // due at 3 s, while the slot is busy
		r.until(4 * time.Second)
		submitAll(b, 3)
		r.until(5 * time.Second)

		r.release(2)

		r.expect(t, "1s delay [1]", "5s delay [2 3]")
	})
}

func TestDueBatchGathersUpToMaxSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{Delay: time.Second, MaxSize: 3})
		submitAll(b, 1)
		r.until(2 * time.Second)
		submitAll(b, 2) // due at 3 s, while the slot is busy
		r.until(4 * time.Second)
		submitAll(b, 3, 4, 5)
		r.until(7 * time.Second) // 5 is due at 5 s

		r.release(3)

		r.expect(t, "1s delay [1]", "7s size [2 3 4]", "7s delay [5]")
	})
}

func TestBatchThatWaitsGathersUntilNearlyAllHaveLeft(t *testing.T) {
	for _, c := range []struct {
		size, leave int
		want        []int // sizes of the batches
	}{
		{1023, 1022, []int{1, 2}},
		{1024, 895, []int{1, 130}},
		{1024, 896, []int{1, 128, 1}},
	} {
		synctest.Test(t, func(t *testing.T) {
			var sizes []int
			gate := make(chan struct{})
			b := batcher.New(func(_ context.Context, reqs []int) ([]int, error) {
				sizes = append(sizes, len(reqs))
				<-gate
				return reqs, nil
			}, batcher.Options{})
			submitAll(b, 0)
			synctest.Wait() // it runs
			for _, f := range submitAll(b, make([]int, c.size)...)[:c.leave] {
				f.Cancel()
			}
			submitAll(b, 0)
			close(gate)
			b.Close()
			if !slices.Equal(sizes, c.want) {
				t.Errorf("after %d of %d have left: batches of %v, want %v", c.leave, c.size, sizes, c.want)
			}
		})
	}
}

func TestOneSlotKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []int // one slot: no two batches at once
		b := batcher.New(func(_ context.Context, reqs []int) ([]int, error) {
			order = append(order, reqs...)
			return reqs, nil
		}, batcher.Options{MaxSize: 7})
		for i := range 1000 {
			b.Submit(context.Background(), i)
		}
		b.Close()

		if len(order) != 1000 || !slices.IsSorted(order) {
			t.Errorf("%d requests, in order: %t", len(order), slices.IsSorted(order))
		}
	})
}

func TestSlotsBoundTheBatchesAtOnce(t *testing.T) {
	for _, c := range []struct{ maxConcurrent, running int }{{0, 1}, {1, 1}, {3, 3}, {-1, 9}} {
		synctest.Test(t, func(t *testing.T) {
			r := hold()
			b := batcher.New(r.process, batcher.Options{MaxSize: 2, Delay: time.Hour, MaxConcurrent: c.maxConcurrent})
			for range 9 {
				submitAll(b, 1, 2)
			}
			synctest.Wait()
			if s := b.Stats(); s.Running != c.running {
				t.Errorf("MaxConcurrent %d: %d batches run at once, want %d", c.maxConcurrent, s.Running, c.running)
			}
			r.release(9)
			if s := b.Stats(); s.Running != 0 || s.Succeeded != 18 {
				t.Errorf("MaxConcurrent %d: at rest %+v", c.maxConcurrent, s)
			}
		})
	}
}

func TestFreeSlotTakesABatchWhileOthersAreBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{MaxConcurrent: 2})
		submitAll(b, 1)
		r.until(1 * time.Second)
		submitAll(b, 2)
		r.until(2 * time.Second)
		submitAll(b, 3)
		r.until(3 * time.Second)

		r.release(3)

		r.expect(t, "0s idle [1]", "1s idle [2]", "3s idle [3]")
	})
}

func TestFreedSlotLetsReadyCallersInFirst(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // what is ready to run stands in one line
	const rounds, callers = 50, 10
	synctest.Test(t, func(t *testing.T) {
		b := batcher.New(answerAll, batcher.Options{})
		for range rounds {
			for range callers {
				go b.Do(context.Background(), 1)
			}
			synctest.Wait()
		}
		if s := b.Stats(); s.Batches > 3*rounds {
			t.Errorf("%d batches in %d rounds of %d callers", s.Batches, rounds, callers)
		}
	})
}

func TestEveryCallerGetsItsOwnAnswer(t *testing.T) {
	for _, opts := range []batcher.Options{
		{},
		{MaxSize: 1},
		{MaxSize: 7, MaxConcurrent: 3},
		{MaxSize: 64, Delay: 50 * time.Microsecond},
		{MinSize: 4, Delay: 50 * time.Microsecond, MaxConcurrent: -1},
		{MaxPending: 10, MaxSize: 4},
	} {
		b := batcher.New(answerAll, opts)
		var callers sync.WaitGroup
		for c := range 20 {
			callers.Go(func() {
				for i := range 20 {
					req := 1000*c + i
					if got, err := b.Do(context.Background(), req); got != 10*req || err != nil {
						t.Errorf("%+v: request %d got %d, %v", opts, req, got, err)
					}
				}
			})
		}
		callers.Wait()
	}
}

func TestFuncOwnsTheRequestsUntilItReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := batcher.New(func(_ context.Context, reqs []int) ([]int, error) {
			res := tenfold(reqs)
			clear(reqs)
			return res, nil
		}, batcher.Options{MaxSize: 3, Delay: time.Hour})
		expectAnswers(t, submitAll(b, 1, 2, 3, 4, 5, 6), 10, 20, 30, 40, 50, 60)
	})
}

func TestFuncMayReturnItsRequestsAsResults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := batcher.New(func(_ context.Context, reqs []int) ([]int, error) { return reqs, nil }, batcher.Options{MaxSize: 2})
		expectAnswers(t, submitAll(b, 1, 2, 3, 4, 5, 6), 1, 2, 3, 4, 5, 6)
	})
}
