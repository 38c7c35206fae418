package batcher_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
)

// counts is what Stats counts, in one line: submitted, rejected, succeeded,
// failed, canceled, batches, pending, running.
type counts [8]int

func countsOf(s batcher.Stats) counts {
	return counts{int(s.Submitted), int(s.Rejected), int(s.Succeeded), int(s.Failed), int(s.Canceled), int(s.Batches), s.Pending, s.Running}
}

func expectCounts(t *testing.T, s batcher.Stats, want counts) {
	t.Helper()
	if got := countsOf(s); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if s.Submitted != s.Succeeded+s.Failed+s.Canceled+uint64(s.Pending) {
		t.Errorf("the sum is wrong: %+v", s)
	}
}

func TestStatsAtEachStepOfABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan error)
		b := batcher.New(func(_ context.Context, reqs []int) ([]int, error) { return reqs, <-gate }, batcher.Options{Manual: true})
		expectCounts(t, b.Stats(), counts{})
		futures := submitAll(b, 1, 2, 3)
		expectCounts(t, b.Stats(), counts{3, 0, 0, 0, 0, 0, 3, 0})
		futures[0].Cancel()
		expectCounts(t, b.Stats(), counts{3, 0, 0, 0, 1, 0, 2, 0})
		b.Flush()
		synctest.Wait()
		expectCounts(t, b.Stats(), counts{3, 0, 0, 0, 1, 1, 2, 1})
		futures[1].Cancel() // it leaves, and counts as Func answers it
		expectCounts(t, b.Stats(), counts{3, 0, 0, 0, 1, 1, 2, 1})
		gate <- nil
		synctest.Wait()
		expectCounts(t, b.Stats(), counts{3, 0, 2, 0, 1, 1, 0, 0})
		submitAll(b, 4, 5)
		b.Flush()
		gate <- errBroken
		synctest.Wait()
		expectCounts(t, b.Stats(), counts{5, 0, 2, 2, 1, 2, 0, 0})
	})
}

func TestStatsCountWhatIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var notes []string
		b := batcher.New(shipment[parcel](&notes), batcher.Options{Manual: true, MaxPending: 1, MaxWeight: 5})
		ctx := context.Background()
		ended, cancel := context.WithCancel(ctx)
		cancel()
		b.Submit(ctx, 1)
		for i, refuse := range []func(){
			func() { b.Submit(ctx, 6) },          // too heavy
			func() { b.Submit(ended, 1) },        // its context has ended
			func() { b.TrySubmit(ctx, 1) },       // full
			func() { b.Do(ended, 1) },            // its context has ended
			func() { b.Close(); b.Do(ctx, 1) },   // closed
			func() { b.TrySubmit(ctx, 1) },       // closed
			func() { b.Submit(ctx, 1).Cancel() }, // closed, and Cancel changes nothing
		} {
			refuse()
			if s := b.Stats(); s.Rejected != uint64(i+1) || s.Submitted != 1 {
				t.Errorf("refusal %d: %+v", i+1, s)
			}
		}
		expectCounts(t, b.Stats(), counts{1, 7, 1, 0, 0, 1, 0, 0})
	})
}

func TestStatsCountBatchesByTrigger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var notes []string
		b := batcher.New(shipment[parcel](&notes), batcher.Options{MinSize: 2, MaxSize: 3, MaxWeight: 10, Delay: time.Second})
		submit := func(reqs ...parcel) {
			for _, req := range reqs {
				b.Submit(context.Background(), req)
			}
			synctest.Wait()
		}
		submit(10) // weight
		submit(1)  // delay
		time.Sleep(2 * time.Second)
		submit(1, 1) // idle
		submit(1)
		b.Current().Cancel() // does not run
		submit(1)
		b.Close() // close
		s := b.Stats()
		want := map[batcher.Trigger]uint64{batcher.TriggerWeight: 1, batcher.TriggerDelay: 1, batcher.TriggerIdle: 1, batcher.TriggerClose: 1}
		sum := uint64(0)
		for trigger := range batcher.Trigger(255) {
			if s.Started(trigger) != want[trigger] {
				t.Errorf("%v: %d batches, want %d", trigger, s.Started(trigger), want[trigger])
			}
			sum += s.Started(trigger)
		}
		if sum != s.Batches || sum != 4 {
			t.Errorf("%d batches by trigger, %d in all", sum, s.Batches)
		}
	})
}

func TestStatsOfSizeAndManual(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := batcher.New(answerAll, batcher.Options{Manual: true, MaxSize: 2})
		submitAll(b, 1, 2, 3)
		b.Flush()
		synctest.Wait()
		if s := b.Stats(); s.Started(batcher.TriggerSize) != 1 || s.Started(batcher.TriggerManual) != 1 || s.Batches != 2 {
			t.Errorf("%+v", s)
		}
	})
}

func TestStatsOfPartialFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := batcher.New(func(_ context.Context, reqs []int) ([]int, error) {
			return reqs, batcher.Errors{nil, errBroken, errBroken}
		}, together(3))
		submitAll(b, 1, 2, 3)
		synctest.Wait()
		expectCounts(t, b.Stats(), counts{3, 0, 1, 2, 0, 1, 0, 0})
	})
}

func TestStatsOfAShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, together(2))
		submitAll(b, 1, 2, 3, 4, 5)
		synctest.Wait() // 1 and 2 run, 3 and 4 wait, 5 collects
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		b.Shutdown(ended)
		expectCounts(t, b.Stats(), counts{5, 0, 0, 3, 0, 1, 2, 1})
		r.release(1)
		expectCounts(t, b.Stats(), counts{5, 0, 2, 3, 0, 1, 0, 0})
	})
}
