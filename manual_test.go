package batcher_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
)

func TestManualHasNoTimeTrigger(t *testing.T) {
	for _, opts := range []batcher.Options{{Manual: true}, {Manual: true, MinSize: 2}} {
		synctest.Test(t, func(t *testing.T) {
			r := record()
			b := batcher.New(r.process, opts)
			submitAll(b, 1, 2, 3)
			r.until(24 * time.Hour)
			r.expect(t)

			if err := b.Flush(); err != nil {
				t.Error(err)
			}

			r.expect(t, "24h0m0s manual [1 2 3]")
		})
	}
}

func TestManualStartsAFullBatchAndClosesTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{Manual: true, MaxSize: 2})
		submitAll(b, 1, 2, 3)
		r.expect(t, "0s size [1 2]")
		r.until(time.Hour)

		b.Close()

		r.expect(t, "0s size [1 2]", "1h0m0s close [3]")
	})
}

// One that waits for a slot instead would start, so that it stops growing.
func TestABatchThatNearlyAllHaveLeftWaitsForCompany(t *testing.T) {
	for _, opts := range []batcher.Options{{Manual: true}, {MinSize: 1100, StrictSize: true}, {Delay: 10 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			b := batcher.New(answerAll, opts)
			futures := submitAll(b, make([]int, 1024)...)
			for _, f := range futures[1:] {
				f.Cancel()
			}
			synctest.Wait()
			if closed(futures[0].Done()) {
				t.Errorf("%+v: it has run", opts)
			}
			b.Close()
		})
	}
}

func TestFlushWithoutABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{Manual: true, MinSize: 5})
		if err := b.Flush(); err != nil {
			t.Error(err)
		}
		r.expect(t)
	})
}

func TestFlushBelowMinSizeLeavesTheBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{Manual: true, MinSize: 3})
		submitAll(b, 1, 2)
		err := b.Flush()
		if !errors.Is(err, batcher.ErrNotReady) || !strings.Contains(err.Error(), "2") || !strings.Contains(err.Error(), "3") {
			t.Errorf("Flush below MinSize: %v", err)
		}
		r.until(1 * time.Second)
		r.expect(t)

		submitAll(b, 3)
		if err := b.Flush(); err != nil {
			t.Error(err)
		}

		r.expect(t, "1s manual [1 2 3]")
	})
}

func TestFlushDoesNotWaitForASlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{Delay: time.Hour})
		submitAll(b, 1)
		b.Flush()
		r.until(1 * time.Second)
		submitAll(b, 2)
		b.Flush()
		submitAll(b, 3)
		b.Flush()
		submitAll(b, 4) // the flushed are sealed
		r.until(2 * time.Second)

		r.release(3)

		r.expect(t, "0s manual [1]", "2s manual [2]", "2s manual [3]")
	})
}

func TestCurrentIsTheBatchThatCollects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{Manual: true, MinSize: 2})
		if b.Current() != nil {
			t.Error("a batch before the first request")
		}
		submitAll(b, 1)
		batch := b.Current()
		if batch.State() != batcher.StateOpen || batch.Len() != 1 {
			t.Errorf("below MinSize: %v, %d requests", batch.State(), batch.Len())
		}
		if err := batch.Start(); !errors.Is(err, batcher.ErrNotReady) {
			t.Errorf("Start below MinSize: %v", err)
		}
		submitAll(b, 2)
		if batch.State() != batcher.StateReady || b.Current() != batch {
			t.Errorf("at MinSize: %v", batch.State())
		}
		if err := batch.Start(); err != nil {
			t.Error(err)
		}
		if b.Current() != nil {
			t.Error("a batch that started is still the current one")
		}
		submitAll(b, 3, 4)
		next := b.Current()
		if next == batch {
			t.Error("the next request opened no new batch")
		}
		next.Start()
		synctest.Wait()
		if batch.State() != batcher.StateRunning || next.State() != batcher.StateStarted {
			t.Errorf("with one slot: %v, %v", batch.State(), next.State())
		}
		r.release(2)
		r.expect(t, "0s manual [1 2]", "0s manual [3 4]")
		if batch.State() != batcher.StateDone {
			t.Errorf("at the end: %v", batch.State())
		}
	})
}

func TestCancelCurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{Delay: 10 * time.Second})
		futures := submitAll(b, 1, 2)
		do := r.later(func() (int, error) { return b.Do(context.Background(), 3) })
		r.until(1 * time.Second)

		if !b.Current().Cancel() {
			t.Error("the batch had started")
		}

		expectErrors(t, batcher.ErrCanceled, futures...)
		if got := <-do; !errors.Is(got.err, batcher.ErrCanceled) || got.at != time.Second {
			t.Errorf("Do: %+v", got)
		}
		if b.Current() != nil {
			t.Error("the canceled batch is still the current one")
		}
		submitAll(b, 4)
		r.until(20 * time.Second)
		r.expect(t, "11s delay [4]")
		if s := b.Stats(); s.Canceled != 3 || s.Succeeded != 1 {
			t.Errorf("%+v", s)
		}
	})
}

func TestCurrentTakesRequestsByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{MaxSize: 2, Manual: true})
		futures := submitAll(b, 1)
		batch := b.Current()
		f, err := batch.Add(context.Background(), 2)
		if err != nil {
			t.Fatal(err)
		}
		expectAnswers(t, append(futures, f), 10, 20)
		r.expect(t, "0s size [1 2]")
		if _, err := batch.Add(context.Background(), 3); !errors.Is(err, batcher.ErrStarted) {
			t.Errorf("Add to a batch that ran: %v", err)
		}
	})
}

func TestStartAfterOnCurrentReplacesItsDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{Delay: 10 * time.Second})
		submitAll(b, 1)
		r.until(1 * time.Second)
		b.Current().StartAfter(20 * time.Second)
		r.until(30 * time.Second)
		submitAll(b, 2)
		r.until(60 * time.Second)
		r.expect(t, "21s delay [1]", "40s delay [2]")
	})
}
