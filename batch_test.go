package batcher_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
)

// addAll adds requests that all have room, with a context that never ends.
func addAll(t *testing.T, b *batcher.Batch[int, int], reqs ...int) []batcher.Future[int] {
	t.Helper()
	futures := make([]batcher.Future[int], len(reqs))
	for i, req := range reqs {
		var err error
		if futures[i], err = b.Add(context.Background(), req); err != nil {
			t.Fatalf("Add %d: %v", req, err)
		}
	}
	return futures
}

func TestBatchByHandFromOpenToDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.NewBatch(r.process, batcher.BatchOptions{MinSize: 2})
		expectState := func(want batcher.State, ready bool, n int) {
			t.Helper()
			if b.State() != want || b.Ready() != ready || b.Len() != n {
				t.Errorf("state %v, ready %t, %d requests; want %v, %t, %d", b.State(), b.Ready(), b.Len(), want, ready, n)
			}
		}
		expectState(batcher.StateOpen, false, 0)
		futures := addAll(t, b, 1)
		expectState(batcher.StateOpen, false, 1)
		futures = append(futures, addAll(t, b, 2, 3)...)
		expectState(batcher.StateReady, true, 3)
		r.until(time.Hour) // it has no trigger of its own
		r.expect(t)

		if err := b.Start(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		expectState(batcher.StateRunning, false, 3)
		if closed(b.Done()) || closed(futures[0].Done()) {
			t.Error("done while it runs")
		}
		r.release(1)
		expectState(batcher.StateDone, false, 3)
		if !closed(b.Done()) || !closed(futures[0].Done()) {
			t.Error("not done when it has ended")
		}
		r.expect(t, "1h0m0s manual [1 2 3]")
		expectAnswers(t, futures, 10, 20, 30)
	})
}

func TestBatchIsStartedUntilItsFuncIsEntered(t *testing.T) {
	tasks := make(chan func(), 1)
	b := batcher.NewBatch(answerAll, batcher.BatchOptions{Go: func(task func()) { tasks <- task }})
	futures := addAll(t, b, 1, 2)
	if err := b.Start(); err != nil {
		t.Error(err)
	}
	if b.State() != batcher.StateStarted {
		t.Errorf("handed over: %v", b.State())
	}
	(<-tasks)()
	if b.State() != batcher.StateDone {
		t.Errorf("at the end: %v", b.State())
	}
	expectAnswers(t, futures, 10, 20)
}

func TestStartOfABatchByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := batcher.NewBatch(answerAll, batcher.BatchOptions{MinSize: 2})
		for range 2 {
			if err := b.Start(); !errors.Is(err, batcher.ErrNotReady) {
				t.Errorf("Start with %d requests: %v", b.Len(), err)
			}
			addAll(t, b, 1)
		}
		if err := b.Start(); err != nil {
			t.Error(err)
		}
		for range 2 { // running or done, and done
			if err := b.Start(); !errors.Is(err, batcher.ErrStarted) {
				t.Errorf("Start of a batch %v: %v", b.State(), err)
			}
			if err := b.StartAfter(1); !errors.Is(err, batcher.ErrStarted) {
				t.Errorf("StartAfter of a batch %v: %v", b.State(), err)
			}
			if b.Cancel() {
				t.Errorf("Cancel of a batch %v", b.State())
			}
			f, err := b.Add(context.Background(), 3)
			if !errors.Is(err, batcher.ErrStarted) {
				t.Errorf("Add to a batch %v: %v", b.State(), err)
			}
			expectErrors(t, batcher.ErrStarted, f)
			synctest.Wait()
		}
		if err := b.Start(); !strings.HasSuffix(err.Error(), "it is done") {
			t.Errorf("Start of a batch that is done: %v", err)
		}
	})
}

func TestEmptyBatchIsNotReady(t *testing.T) {
	b := batcher.NewBatch(answerAll, batcher.BatchOptions{})
	if err := b.Start(); !errors.Is(err, batcher.ErrNotReady) || b.Ready() || b.Full() || b.State() != batcher.StateOpen {
		t.Errorf("%v, ready %t, full %t, %v", err, b.Ready(), b.Full(), b.State())
	}
}

func TestAddToAFullBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.NewBatch(r.process, batcher.BatchOptions{MaxSize: 2})
		addAll(t, b, 1)
		if b.Full() {
			t.Error("full with one of two")
		}
		addAll(t, b, 2)
		if !b.Full() || b.State() != batcher.StateReady {
			t.Errorf("with two of two: full %t, %v", b.Full(), b.State())
		}
		f, err := b.Add(context.Background(), 3)
		if !errors.Is(err, batcher.ErrFull) || !strings.Contains(err.Error(), "MaxSize is 2") {
			t.Errorf("Add to a full batch: %v", err)
		}
		expectErrors(t, batcher.ErrFull, f)
		r.expect(t) // it does not start by itself
		b.Start()
		r.expect(t, "0s manual [1 2]")
	})
}

func TestStartWhenFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.NewBatch(r.process, batcher.BatchOptions{MaxSize: 2, StartWhenFull: true, Delay: time.Hour})
		addAll(t, b, 1)
		r.until(1 * time.Second)
		addAll(t, b, 2)
		r.expect(t, "1s size [1 2]")
	})
}

func TestBatchByHandOpensWithItsFirstRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var opened time.Time
		b := batcher.NewBatch(func(ctx context.Context, reqs []int) ([]int, error) {
			info, _ := batcher.FromContext(ctx)
			opened = info.Opened
			return reqs, nil
		}, batcher.BatchOptions{})
		for i := range 2 {
			time.Sleep(1 * time.Second)
			addAll(t, b, i)
		}
		b.Start()
		b.Results(context.Background())
		if after := opened.Sub(start); after != 1*time.Second {
			t.Errorf("opened after %v, want 1s", after)
		}
	})
}

func TestABatchByHandTakesWhatWeighsMaxWeightAlone(t *testing.T) {
	var notes []string
	b := batcher.NewBatch(shipment[parcel](&notes), batcher.BatchOptions{MaxWeight: 10})
	if _, err := b.Add(context.Background(), 10); err != nil || !b.Full() {
		t.Errorf("10 of 10: %v, full %t", err, b.Full())
	}
}

func TestWeightOfABatchByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var notes []string
		b := batcher.NewBatch(shipment[parcel](&notes), batcher.BatchOptions{MaxWeight: 10})
		add := func(p parcel) error {
			_, err := b.Add(context.Background(), p)
			return err
		}
		if err := add(11); !errors.Is(err, batcher.ErrTooHeavy) {
			t.Errorf("11 of 10: %v", err)
		}
		if err := add(6); err != nil {
			t.Error(err)
		}
		if err := add(5); !errors.Is(err, batcher.ErrFull) || b.Full() {
			t.Errorf("11 in two of 10: %v, full %t", err, b.Full())
		}
		if err := add(4); err != nil || !b.Full() {
			t.Errorf("10 in two of 10: %v, full %t", err, b.Full())
		}
		b.Start()
		b.Results(context.Background())
		if want := []string{"manual 10 [6 4]"}; !slices.Equal(notes, want) {
			t.Errorf("got %q, want %q", notes, want)
		}
	})
}

func TestABatchByHandWithoutWeigherWeighsWhatItHolds(t *testing.T) {
	b := batcher.NewBatch(answerAll, batcher.BatchOptions{MaxWeight: 3})
	addAll(t, b, 1, 2, 3)
	if _, err := b.Add(context.Background(), 4); !errors.Is(err, batcher.ErrFull) || !b.Full() {
		t.Errorf("4 of 3: %v, full %t", err, b.Full())
	}
}

func TestStartWhenFullByWeight(t *testing.T) {
	for _, c := range []struct {
		add  []parcel
		last error
		want string
	}{
		{[]parcel{6, 4}, nil, "weight 10 [6 4]"},
		{[]parcel{6, 5}, batcher.ErrFull, "weight 6 [6]"},
	} {
		synctest.Test(t, func(t *testing.T) {
			var notes []string
			b := batcher.NewBatch(shipment[parcel](&notes), batcher.BatchOptions{MaxWeight: 10, StartWhenFull: true})
			var err error
			for _, p := range c.add {
				_, err = b.Add(context.Background(), p)
			}
			b.Results(context.Background())
			if got := fmt.Sprint(notes); !errors.Is(err, c.last) || got != "["+c.want+"]" {
				t.Errorf("%v: got %s and last %v, want %s and %v", c.add, got, err, c.want, c.last)
			}
		})
	}
}

func TestAddWithAnEndedContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("gone home")
		ctx, cancel := context.WithCancelCause(context.Background())
		b := batcher.NewBatch(answerAll, batcher.BatchOptions{})
		cancel(cause)
		f, err := b.Add(ctx, 1)
		if err != cause || b.Len() != 0 {
			t.Errorf("%v, %d requests", err, b.Len())
		}
		expectErrors(t, cause, f)
	})
}

func TestCancelOfABatchByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.NewBatch(r.process, batcher.BatchOptions{Delay: time.Second})
		futures := addAll(t, b, 1, 2)
		done := b.Done()
		for range 2 {
			if !b.Cancel() || b.State() != batcher.StateCanceled || b.Ready() {
				t.Errorf("Cancel did nothing: %v", b.State())
			}
		}
		expectErrors(t, batcher.ErrCanceled, futures...)
		if !closed(done) || !closed(b.Done()) || !closed(futures[1].Done()) {
			t.Error("a canceled batch is not done")
		}
		if err := b.Start(); !errors.Is(err, batcher.ErrStarted) {
			t.Errorf("Start of a canceled batch: %v", err)
		}
		if _, err := b.Add(context.Background(), 3); !errors.Is(err, batcher.ErrStarted) || !errors.Is(err, batcher.ErrCanceled) {
			t.Errorf("Add to a canceled batch: %v", err)
		}
		r.until(time.Minute)
		r.expect(t)
	})
}
