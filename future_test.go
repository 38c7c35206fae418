package batcher_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/gobatcher/batcher"
)

func TestFutureIsWaitedForByMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{Delay: 10 * time.Second})
		f := b.Submit(context.Background(), 1)
		var waiters []<-chan outcome
		for i := range 5 {
			r.until(time.Duration(i) * time.Second)
			waiters = append(waiters, r.later(func() (int, error) { return f.Wait(context.Background()) }))
		}
		for i, w := range waiters {
			if got := <-w; got != (outcome{10, nil, 10 * time.Second}) {
				t.Errorf("waiter %d: %+v", i, got)
			}
		}
		for range 3 { // and any number of times afterwards
			expectAnswers(t, []batcher.Future[int]{f}, 10)
		}
	})
}

func TestWaitEndsWithItsOwnContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{Delay: 10 * time.Second})
		f := b.Submit(context.Background(), 1)
		impatient := errors.New("impatient")
		ctx, cancel := context.WithTimeoutCause(context.Background(), 3*time.Second, impatient)
		defer cancel()
		short := r.later(func() (int, error) { return f.Wait(ctx) })
		long := r.later(func() (int, error) { return f.Wait(context.Background()) })

		if got := <-short; got != (outcome{0, impatient, 3 * time.Second}) {
			t.Errorf("the short wait: %+v", got)
		}
		if got := <-long; got != (outcome{10, nil, 10 * time.Second}) {
			t.Errorf("the long wait: %+v", got)
		}
		r.expect(t, "10s delay [1]")
	})
}

func TestDoneFutureWinsOverAnEndedContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := batcher.New(answerAll, batcher.Options{Delay: time.Second})
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		f := b.Submit(context.Background(), 1)
		if got, err := f.Wait(ended); got != 0 || err != context.Canceled {
			t.Errorf("before the answer: %d, %v", got, err)
		}
		withdrawn := b.Submit(context.Background(), 2)
		withdrawn.Cancel()
		refused := b.Submit(ended, 3)
		for range 50 {
			if _, err := withdrawn.Wait(ended); !errors.Is(err, batcher.ErrCanceled) {
				t.Fatalf("withdrawn: %v", err)
			}
			if _, err := refused.Wait(context.Background()); err != context.Canceled {
				t.Fatalf("refused: %v", err)
			}
		}
		time.Sleep(2 * time.Second)
		for range 50 {
			if got, err := f.Wait(ended); got != 10 || err != nil {
				t.Fatalf("after the answer: %d, %v", got, err)
			}
		}
	})
}

func TestDoneIsClosedWithTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{Delay: time.Second})
		futures := submitAll(b, 1, 2, 3)
		first, second := futures[0].Done(), futures[1].Done()
		futures[0].Cancel()
		if !closed(first) || closed(second) || !closed(futures[0].Done()) {
			t.Error("only the withdrawn request has its answer now")
		}
		r.until(2 * time.Second) // it runs
		if closed(second) || closed(futures[2].Done()) {
			t.Error("no request that runs has its answer yet")
		}
		r.release(1)
		if !closed(second) || !closed(futures[1].Done()) || !closed(futures[2].Done()) {
			t.Error("all have their answer now")
		}
	})
}

func TestDoneOfARefusedFuture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := batcher.New(answerAll, batcher.Options{})
		b.Close()
		f := b.Submit(context.Background(), 1)
		if !closed(f.Done()) || f.Cancel() {
			t.Error("a refused request has its answer and cannot be withdrawn")
		}
		expectErrors(t, batcher.ErrClosed, f)
	})
}

func TestZeroFuture(t *testing.T) {
	var f batcher.Future[int]
	if !closed(f.Done()) || f.Cancel() {
		t.Error("the zero Future is not done, or could be canceled")
	}
	expectErrors(t, batcher.ErrCanceled, f)
}

func TestCopiesOfAFutureAreTheSameClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{Delay: time.Second})
		futures := submitAll(b, 1, 2)
		duplicate := futures[0]
		if !duplicate.Cancel() {
			t.Error("Cancel of a copy did nothing")
		}
		expectErrors(t, batcher.ErrCanceled, futures[0], duplicate)
		kept := futures[1]
		futures[1] = batcher.Future[int]{}
		expectAnswers(t, []batcher.Future[int]{kept, kept}, 20, 20)
		r.expect(t, "1s delay [2]")
	})
}

func TestFutureIsASmallValue(t *testing.T) {
	if size := unsafe.Sizeof(batcher.Future[[1024]byte]{}); size > 16 {
		t.Errorf("%d bytes", size)
	}
}

func TestCancelReturnsFalseOnceTheAnswerIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := batcher.New(answerAll, batcher.Options{})
		f := b.Submit(context.Background(), 1)
		synctest.Wait()
		if f.Cancel() {
			t.Error("withdrew a request that was answered")
		}
		expectAnswers(t, []batcher.Future[int]{f}, 10)
	})
}

func TestCancelOfARequestWhoseBatchWasCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := batcher.New(answerAll, batcher.Options{Manual: true})
		f := b.Submit(context.Background(), 1)
		b.Current().Cancel()
		if !f.Cancel() {
			t.Error("Cancel does not tell that the request was withdrawn")
		}
		expectErrors(t, batcher.ErrCanceled, f)
	})
}

// Nobody withdrew this request: Close failed it.
func TestCancelOfARequestThatCloseFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := batcher.New(answerAll, batcher.Options{MinSize: 2, StrictSize: true})
		f := b.Submit(context.Background(), 1)
		batch := b.Current()
		b.Close()
		if f.Cancel() {
			t.Error("Cancel says that the request was withdrawn")
		}
		if batch.Cancel() {
			t.Error("Cancel says that the batch failed with ErrCanceled")
		}
		expectErrors(t, batcher.ErrClosed, f)
	})
}
