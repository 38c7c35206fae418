package batcher_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
)

// expectResults compares all that Results gives without waiting longer than it must.
func expectResults(t *testing.T, b *batcher.Batch[int, int], own error, want ...batcher.Result[int]) {
	t.Helper()
	for range 2 {
		got, err := b.Results(context.Background())
		if !errors.Is(err, own) || len(got) != len(want) {
			t.Fatalf("got %v, %v, want %v, %v", got, err, want, own)
		}
		for i := range got {
			if got[i].Value != want[i].Value || !errors.Is(got[i].Err, want[i].Err) {
				t.Errorf("result %d: got %v, want %v", i, got[i], want[i])
			}
		}
		clear(got) // it is the caller's
	}
}

func TestResultsInTheOrderOfAdd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := batcher.NewBatch(answerAll, batcher.BatchOptions{})
		futures := addAll(t, b, 1, 2, 3, 4)
		futures[0].Cancel()
		futures[2].Cancel()
		b.Start()
		canceled := batcher.Result[int]{Err: batcher.ErrCanceled}
		expectResults(t, b, nil, canceled, batcher.Result[int]{Value: 20}, canceled, batcher.Result[int]{Value: 40})
	})
}

func TestResultsWaitForTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.NewBatch(r.process, batcher.BatchOptions{})
		addAll(t, b, 1)
		results := r.later(func() (int, error) {
			res, err := b.Results(context.Background())
			return len(res), err
		})
		r.until(1 * time.Second)
		b.Start()
		r.until(2 * time.Second)
		r.release(1)
		if got := <-results; got != (outcome{1, nil, 2 * time.Second}) {
			t.Errorf("%+v", got)
		}
	})
}

func TestManyWaitForTheEndOfABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := batcher.NewBatch(answerAll, batcher.BatchOptions{})
		addAll(t, b, 1)
		first, second := b.Done(), b.Done()
		b.Start()
		<-first
		<-second
		<-b.Done()
	})
}

// Not even Cancel takes what Func said for a cancellation.
func TestBatchWhoseFuncReturnsErrCanceled(t *testing.T) {
	b := batcher.NewBatch(func(context.Context, []int) ([]int, error) { return nil, batcher.ErrCanceled }, batcher.BatchOptions{})
	f := addAll(t, b, 1)[0]
	b.Start()
	expectResults(t, b, batcher.ErrCanceled, batcher.Result[int]{Err: batcher.ErrCanceled})
	if b.State() != batcher.StateDone || b.Cancel() || f.Cancel() {
		t.Errorf("%v, Cancel of the batch %t, of the request %t", b.State(), b.Cancel(), f.Cancel())
	}
}

func TestResultsNoLongerThanTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.NewBatch(r.process, batcher.BatchOptions{})
		addAll(t, b, 1)
		impatient := errors.New("impatient")
		ctx, cancel := context.WithTimeoutCause(context.Background(), time.Second, impatient)
		defer cancel()
		res, err := b.Results(ctx)
		if res != nil || err != impatient || time.Since(r.start) != time.Second {
			t.Errorf("%v, %v after %v", res, err, time.Since(r.start))
		}
		b.Start()
		synctest.Wait()
		for range 50 { // a batch that has ended wins over a context that has
			if res, err := b.Results(ctx); len(res) != 1 || err != nil {
				t.Fatalf("%v, %v", res, err)
			}
		}
	})
}

func TestResultsOfABatchThatFailed(t *testing.T) {
	broken := errors.New("broken")
	own := errors.New("of request 1 alone")
	failed := batcher.Result[int]{Err: broken}
	for _, c := range []struct {
		name string
		fn   batcher.Func[int, int]
		err  error
		want []batcher.Result[int]
	}{
		{"error", func(context.Context, []int) ([]int, error) { return nil, broken }, broken, []batcher.Result[int]{failed, failed}},
		{"panic", func(context.Context, []int) ([]int, error) { panic(broken) }, broken, []batcher.Result[int]{failed, failed}},
		{"no results", func(context.Context, []int) ([]int, error) { return nil, nil }, batcher.ErrResultCount,
			[]batcher.Result[int]{{Err: batcher.ErrResultCount}, {Err: batcher.ErrResultCount}}},
		{"Errors", func(context.Context, []int) ([]int, error) { return []int{7, 8}, batcher.Errors{nil, own} }, nil,
			[]batcher.Result[int]{{Value: 7}, {Err: own}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := batcher.NewBatch(c.fn, batcher.BatchOptions{})
				addAll(t, b, 1, 2)
				b.Start()
				expectResults(t, b, c.err, c.want...)
			})
		})
	}
}

func TestResultsOfACanceledBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := batcher.NewBatch(answerAll, batcher.BatchOptions{})
		cause := errors.New("gone home")
		ctx, cancel := context.WithCancelCause(context.Background())
		b.Add(ctx, 1)
		addAll(t, b, 2)
		cancel(cause)
		synctest.Wait()
		b.Cancel()
		expectResults(t, b, batcher.ErrCanceled, batcher.Result[int]{Err: cause}, batcher.Result[int]{Err: batcher.ErrCanceled})
	})
}

func TestBatchOfWhichAllWereWithdrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.NewBatch(r.process, batcher.BatchOptions{})
		for _, f := range addAll(t, b, 1, 2) {
			f.Cancel()
		}
		if b.State() != batcher.StateReady || b.Len() != 2 {
			t.Errorf("%v, %d requests", b.State(), b.Len())
		}
		b.Start()
		canceled := batcher.Result[int]{Err: batcher.ErrCanceled}
		expectResults(t, b, nil, canceled, canceled)
		r.expect(t)
	})
}

func TestResultsOfABatchThatCloseHasCanceled(t *testing.T) {
	b := batcher.New(answerAll, batcher.Options{MinSize: 3, StrictSize: true})
	submitAll(b, 1, 2)[0].Cancel()
	batch := b.Current()
	b.Close()
	expectResults(t, batch, batcher.ErrClosed, batcher.Result[int]{Err: batcher.ErrCanceled}, batcher.Result[int]{Err: batcher.ErrClosed})
}

func TestResultsOfABatchThatShutdownHasCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{})
		submitAll(b, 1)
		synctest.Wait() // it runs
		submitAll(b, 2)
		batch := b.Current()
		ended, end := context.WithCancel(context.Background())
		end()
		b.Shutdown(ended)
		expectResults(t, batch, batcher.ErrClosed, batcher.Result[int]{Err: batcher.ErrClosed})
		r.release(1)
	})
}
