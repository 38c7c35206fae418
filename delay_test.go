package batcher_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
)

func TestDelayCountsFromTheFirstRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{Delay: 10 * time.Second})
		r.until(1 * time.Second)
		submitAll(b, 1)
		r.until(5 * time.Second)
		submitAll(b, 2)
		r.until(10 * time.Second)
		submitAll(b, 3)
		r.until(10*time.Second + 999*time.Millisecond)
		r.expect(t)

		r.until(12 * time.Second)

		r.expect(t, "11s delay [1 2 3]")
	})
}

func TestEachBatchHasADelayOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{Delay: 10 * time.Second})
		submitAll(b, 1)
		r.until(11 * time.Second)
		submitAll(b, 2)
		r.until(30 * time.Second)
		submitAll(b, 3)
		r.until(60 * time.Second)

		r.expect(t, "10s delay [1]", "21s delay [2]", "40s delay [3]")
	})
}

// A batch that starts before its delay leaves a timer behind; the next batch
// must not be shortened by it.
func TestStaleTimerDoesNotShortenTheNextBatch(t *testing.T) {
	for _, c := range []struct {
		name   string
		finish func(b *batcher.Batcher[int, int], first batcher.Future[int])
		want   []string
	}{
		{"full", func(b *batcher.Batcher[int, int], _ batcher.Future[int]) { submitAll(b, 2) }, []string{"6s size [1 2]", "17s delay [3]"}},
		{"flush", func(b *batcher.Batcher[int, int], _ batcher.Future[int]) { b.Flush() }, []string{"6s manual [1]", "17s delay [3]"}},
		{"cancel", func(_ *batcher.Batcher[int, int], first batcher.Future[int]) { first.Cancel() }, []string{"17s delay [3]"}},
		{"cancel batch", func(b *batcher.Batcher[int, int], _ batcher.Future[int]) { b.Current().Cancel() }, []string{"17s delay [3]"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := record()
				b := batcher.New(r.process, batcher.Options{MaxSize: 2, Delay: 10 * time.Second})
				first := b.Submit(context.Background(), 1)
				r.until(6 * time.Second)
				c.finish(b, first)
				r.until(7 * time.Second)
				submitAll(b, 3)
				r.until(30 * time.Second)

				r.expect(t, c.want...)
			})
		})
	}
}

// A timer that fires while its batch starts otherwise finds the next batch
// open, and must leave it alone. Which of the two comes first is left open.
func TestTimerThatFiresAsItsBatchStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const delay = time.Second
		var ran time.Time
		b := batcher.New(func(_ context.Context, reqs []int) ([]int, error) {
			ran = time.Now()
			return reqs, nil
		}, batcher.Options{Delay: delay})
		for range 100 {
			submitAll(b, 1)
			time.Sleep(delay)
			b.Flush()
			start := time.Now()
			next := submitAll(b, 2)
			expectAnswers(t, next, 2)
			if took := ran.Sub(start); took != delay {
				t.Fatalf("the next batch ran after %v", took)
			}
		}
	})
}

func TestWithDelayNothingIsEnoughToStartEarlier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{Delay: time.Second, MaxConcurrent: -1})
		submitAll(b, make([]int, 1000)...)
		r.until(time.Second - 1)
		r.expect(t)
		b.Close()
	})
}

func TestDelayOfABatchThatWaitsForASlotIsNotStartedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{Delay: 10 * time.Second})
		submitAll(b, 1)
		r.until(11 * time.Second)
		submitAll(b, 2) // due at 21 s
		r.until(25 * time.Second)
		submitAll(b, 3)
		r.until(26 * time.Second)

		r.release(2)

		r.expect(t, "10s delay [1]", "26s delay [2 3]")
	})
}

// The first program of the documentation, in virtual time.
func TestTwentyFiveRequestsMakeBatchesOfTenTenAndFive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{MaxSize: 10, Delay: 2 * time.Second})
		var futures []batcher.Future[int]
		for i := range 25 {
			futures = append(futures, b.Submit(context.Background(), i))
		}
		for i, f := range futures {
			if got, err := f.Wait(context.Background()); got != 10*i || err != nil {
				t.Errorf("request %d got %d, %v", i, got, err)
			}
		}
		r.expect(t, "0s size [0 1 2 3 4 5 6 7 8 9]", "0s size [10 11 12 13 14 15 16 17 18 19]", "2s delay [20 21 22 23 24]")
	})
}
