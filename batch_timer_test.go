package batcher_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
)

func TestDelayOfABatchByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.NewBatch(r.process, batcher.BatchOptions{MinSize: 5, Delay: 10 * time.Second})
		r.until(3 * time.Second)
		addAll(t, b, 1)
		r.until(5 * time.Second)
		addAll(t, b, 2)
		r.until(time.Minute)
		r.expect(t, "13s delay [1 2]") // below MinSize, which is not strict
	})
}

func TestStartAfter(t *testing.T) {
	const delay = 10 * time.Second
	for _, c := range []struct {
		name  string
		delay time.Duration
		story func(r *recorder, b *batcher.Batch[int, int])
		want  string
	}{
		{"counts from the call", 0, func(r *recorder, b *batcher.Batch[int, int]) {
			b.StartAfter(3 * time.Second)
		}, "5s delay [1]"},
		{"a later call replaces the time", 0, func(r *recorder, b *batcher.Batch[int, int]) {
			b.StartAfter(3 * time.Second)
			r.until(4 * time.Second)
			b.StartAfter(20 * time.Second)
		}, "24s delay [1]"},
		{"earlier than Delay", delay, func(r *recorder, b *batcher.Batch[int, int]) {
			b.StartAfter(3 * time.Second)
		}, "5s delay [1]"},
		{"later than Delay", delay, func(r *recorder, b *batcher.Batch[int, int]) {
			b.StartAfter(30 * time.Second)
		}, "32s delay [1]"},
		{"at once", delay, func(r *recorder, b *batcher.Batch[int, int]) {
			b.StartAfter(0)
		}, "2s delay [1]"},
		{"in the past", delay, func(r *recorder, b *batcher.Batch[int, int]) {
			b.StartAfter(-time.Hour)
		}, "2s delay [1]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := record()
				b := batcher.NewBatch(r.process, batcher.BatchOptions{Delay: c.delay})
				addAll(t, b, 1)
				r.until(2 * time.Second)
				c.story(r, b)
				r.until(time.Minute)
				r.expect(t, c.want)
			})
		})
	}
}

func TestStartAfterBeforeTheFirstRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.NewBatch(r.process, batcher.BatchOptions{Delay: 10 * time.Second})
		if err := b.StartAfter(3 * time.Second); err != nil {
			t.Error(err)
		}
		r.until(1 * time.Second)
		addAll(t, b, 1) // its delay would end at 11 s
		r.until(time.Minute)
		r.expect(t, "3s delay [1]")
	})
}

func TestOverdueBatchStartsAsSoonAsItHoldsEnough(t *testing.T) {
	for _, c := range []struct {
		opts batcher.BatchOptions
		want string
	}{
		{batcher.BatchOptions{}, "5s delay [1]"},
		{batcher.BatchOptions{MinSize: 3}, "5s delay [1]"},
		{batcher.BatchOptions{MinSize: 2, StrictSize: true}, "6s delay [1 2]"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := record()
			b := batcher.NewBatch(r.process, c.opts)
			b.StartAfter(3 * time.Second)
			r.until(5 * time.Second)
			r.expect(t) // nothing to start with
			b.Add(context.Background(), 1)
			r.until(6 * time.Second)
			b.Add(context.Background(), 2)
			r.until(time.Minute)
			r.expect(t, c.want)
		})
	}
}

func TestStartAfterTakesBackThatABatchIsOverdue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.NewBatch(r.process, batcher.BatchOptions{MinSize: 2, StrictSize: true, Delay: time.Second})
		addAll(t, b, 1)
		r.until(5 * time.Second) // overdue since 1 s
		b.StartAfter(10 * time.Second)
		r.until(6 * time.Second)
		addAll(t, b, 2)
		r.until(time.Minute)
		r.expect(t, "15s delay [1 2]")
	})
}

func TestStrictBatchByHandDoesNotCountTheCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.NewBatch(r.process, batcher.BatchOptions{MinSize: 2, MaxSize: 2, StrictSize: true})
		futures := addAll(t, b, 1, 2)
		futures[0].Cancel()
		if b.Len() != 1 || b.Full() || b.Ready() {
			t.Errorf("%d requests, full %t, ready %t", b.Len(), b.Full(), b.Ready())
		}
		if err := b.Start(); !errors.Is(err, batcher.ErrNotReady) {
			t.Errorf("Start: %v", err)
		}
		addAll(t, b, 3)
		if b.Len() != 2 || !b.Full() || !b.Ready() {
			t.Errorf("%d requests, full %t, ready %t", b.Len(), b.Full(), b.Ready())
		}
		b.Start()
		r.expect(t, "0s manual [2 3]")
	})
}

func TestStartAfterOnABatchOfAManualBatcher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{Manual: true})
		submitAll(b, 1)
		if err := b.Current().StartAfter(3 * time.Second); err != nil {
			t.Error(err)
		}
		r.until(5 * time.Second)
		submitAll(b, 2) // the time was the first batch's alone
		r.until(time.Hour)
		r.expect(t, "3s delay [1]")
		b.Close()
	})
}

func TestAddThatOverflowsCurrentStartsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var notes []string
		b := batcher.New(shipment[parcel](&notes), batcher.Options{MaxWeight: 10, Manual: true})
		b.Submit(context.Background(), 7)
		if _, err := b.Current().Add(context.Background(), 4); !errors.Is(err, batcher.ErrFull) {
			t.Errorf("Add: %v", err)
		}
		b.Close()
		if len(notes) != 1 || notes[0] != "weight 7 [7]" {
			t.Errorf("%q", notes)
		}
	})
}
