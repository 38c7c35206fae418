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

func TestCanceledRequestIsNotPassedToFunc(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{Delay: 10 * time.Second})
		futures := submitAll(b, 1, 2, 3, 4)
		waiter := r.later(func() (int, error) { return futures[1].Wait(context.Background()) })
		neighbour := r.later(func() (int, error) { return futures[2].Wait(context.Background()) })
		r.until(3 * time.Second)

		for range 2 {
			if !futures[1].Cancel() {
				t.Error("the request was not withdrawn")
			}
		}

		if got := <-waiter; !errors.Is(got.err, batcher.ErrCanceled) || got.at != 3*time.Second {
			t.Errorf("who waits for it: %+v", got)
		}
		expectErrors(t, batcher.ErrCanceled, futures[1])
		if now := time.Since(r.start); now != 3*time.Second {
			t.Errorf("who comes to wait for it waits until %v", now)
		}
		if got := <-neighbour; got != (outcome{30, nil, 10 * time.Second}) {
			t.Errorf("its neighbour: %+v", got)
		}
		expectAnswers(t, []batcher.Future[int]{futures[0], futures[2], futures[3]}, 10, 30, 40)
		r.expect(t, "10s delay [1 3 4]")
	})
}

func TestEndOfTheSubmitContextWithdraws(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{Delay: 10 * time.Second})
		cause := errors.New("gone home")
		ctx, cancel := context.WithCancelCause(context.Background())
		mine := []batcher.Future[int]{b.Submit(ctx, 1), b.Submit(ctx, 2)}
		others := submitAll(b, 3)
		mine = append(mine, b.Submit(ctx, 4))
		waiter := r.later(func() (int, error) { return mine[1].Wait(context.Background()) })
		r.until(3 * time.Second)

		cancel(cause)

		if got := <-waiter; got != (outcome{0, cause, 3 * time.Second}) {
			t.Errorf("who waits: %+v", got)
		}
		expectErrors(t, cause, mine...)
		if !mine[0].Cancel() {
			t.Error("Cancel does not tell that the request was withdrawn")
		}
		expectAnswers(t, others, 30)
		r.expect(t, "10s delay [3]")
	})
}

func TestEndOfTheSubmitContextWithdrawsWhatWasNotCanceled(t *testing.T) {
	for stays := range 3 {
		synctest.Test(t, func(t *testing.T) {
			b := batcher.New(record().process, batcher.Options{Manual: true})
			others := submitAll(b, 3)
			ctx, cancel := context.WithCancel(context.Background())
			futures := []batcher.Future[int]{b.Submit(ctx, 0), b.Submit(ctx, 1), b.Submit(ctx, 2)}
			for i, f := range futures {
				if i != stays {
					f.Cancel()
				}
			}
			cancel()
			synctest.Wait()
			if f := futures[stays]; !closed(f.Done()) {
				t.Errorf("request %d was not withdrawn", stays)
			}
			b.Close()
			expectErrors(t, context.Canceled, futures[stays])
			expectAnswers(t, others, 30)
		})
	}
}

func TestEndOfDosContextFreesTheCallerAndWithdraws(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{Delay: 10 * time.Second})
		others := submitAll(b, 1)
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(3*time.Second, cancel)

		got, err := b.Do(ctx, 2)

		if got != 0 || err != context.Canceled || time.Since(r.start) != 3*time.Second {
			t.Errorf("%d, %v after %v", got, err, time.Since(r.start))
		}
		expectAnswers(t, others, 10)
		r.expect(t, "10s delay [1]")
	})
}

func TestRequestIsWithdrawnFromASealedBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{MaxSize: 3, Delay: 10 * time.Second})
		submitAll(b, 1, 2, 3)
		r.until(1 * time.Second)
		sealed := submitAll(b, 4, 5) // with 6 full, and the slot is busy
		ctx, cancel := context.WithCancel(context.Background())
		do := r.later(func() (int, error) { return b.Do(ctx, 6) })
		r.until(2 * time.Second)

		if !sealed[0].Cancel() {
			t.Error("the request was not withdrawn")
		}
		cancel()

		if got := <-do; got != (outcome{0, context.Canceled, 2 * time.Second}) {
			t.Errorf("Do: %+v", got)
		}
		r.until(3 * time.Second)
		r.release(2)
		expectErrors(t, batcher.ErrCanceled, sealed[0])
		expectAnswers(t, sealed[1:], 50)
		r.expect(t, "0s size [1 2 3]", "3s size [5]")
	})
}

// silent is a context that has ended without having told anybody yet.
type silent struct {
	context.Context
	err error
}

func (s *silent) Done() <-chan struct{} { return make(chan struct{}) }
func (s *silent) Err() error            { return s.err }

func TestContextIsAskedOnceMoreBeforeTheBatchRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{Manual: true})
		ctx := &silent{Context: context.Background()}
		stays, cancel := context.WithCancel(context.Background())
		defer cancel()
		b.Submit(stays, 1)
		gone := b.Submit(ctx, 2)
		ctx.err = context.DeadlineExceeded
		b.Flush()
		expectErrors(t, context.DeadlineExceeded, gone)
		r.expect(t, "0s manual [1]")
		b.Close() // the goroutine that watches ctx ends with the batch
	})
}

// asked is a context that tells when it is asked whether it has ended.
type asked struct {
	context.Context
	tell func()
}

func (c *asked) Err() error {
	if c.tell != nil {
		c.tell()
	}
	return c.Context.Err()
}

// The first context that is asked sets the cancellation off, and the second
// waits for it: the race detector sees what both touch.
func TestRequestIsCanceledWhileTheContextsOfItsBatchAreAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{Manual: true})
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		first, second := &asked{Context: ctx}, &asked{Context: ctx}
		stays, leaves := b.Submit(first, 1), b.Submit(second, 2)
		var withdrawn bool
		canceled := make(chan struct{})
		first.tell = func() {
			go func() {
				withdrawn = leaves.Cancel()
				close(canceled)
			}()
		}
		second.tell = func() { <-canceled }
		b.Flush()
		<-canceled
		if !withdrawn {
			t.Error("the request was not withdrawn")
		}
		expectErrors(t, batcher.ErrCanceled, leaves)
		expectAnswers(t, []batcher.Future[int]{stays}, 10)
		r.expect(t, "0s manual [1]")
	})
}

// The first context that has ended is asked why, and meanwhile the batch of both
// runs without them.
func TestBatchRunsWhileItsContextsAreAskedWhyTheyHaveEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{Manual: true})
		ctx, cancel := context.WithCancel(context.Background())
		first, second := &asked{Context: ctx}, &asked{Context: ctx}
		gone := []batcher.Future[int]{b.Submit(first, 1), b.Submit(second, 2)}
		others := submitAll(b, 3)
		answer := make(chan struct{})
		first.tell = func() {
			first.tell = nil
			<-answer
		}
		cancel()
		synctest.Wait()
		b.Flush()
		expectErrors(t, context.Canceled, gone...)
		expectAnswers(t, others, 30)
		close(answer)
		r.expect(t, "0s manual [3]")
	})
}

// turncoat is a context that ends as soon as it has said that it has not.
type turncoat struct {
	context.Context
	end func()
}

func (c *turncoat) Err() error {
	err := c.Context.Err()
	if end := c.end; end != nil {
		c.end = nil
		end()
	}
	return err
}

// The second request shares its context with the first, and the context ends
// after Submit has found it alive and before the request is in the batch.
func TestContextThatEndsDuringSubmitWithdraws(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := batcher.New(answerAll, batcher.Options{Manual: true})
		inner, cancel := context.WithCancel(context.Background())
		ctx := &turncoat{Context: inner}
		others := submitAll(b, 1)
		first := b.Submit(ctx, 2)
		ctx.end = func() {
			cancel()
			synctest.Wait()
		}
		second := b.Submit(ctx, 3)
		synctest.Wait()
		if !closed(first.Done()) || !closed(second.Done()) {
			t.Errorf("withdrawn: the first %t, the second %t", closed(first.Done()), closed(second.Done()))
		}
		b.Flush()
		expectErrors(t, context.Canceled, first, second)
		expectAnswers(t, others, 10)
	})
}

func TestFuncIsNotCalledForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{MaxSize: 2})
		submitAll(b, 1)
		r.until(1 * time.Second)
		full, open := submitAll(b, 2, 3), submitAll(b, 4)
		for _, f := range append(full, open...) {
			f.Cancel()
		}
		r.until(2 * time.Second)
		next := submitAll(b, 5)
		r.release(2)

		r.expect(t, "0s idle [1]", "2s idle [5]")
		expectAnswers(t, next, 50)
		if s := b.Stats(); s.Batches != 2 || s.Canceled != 3 || s.Pending != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestCallersThatComeAndGoAtOnce(t *testing.T) {
	for _, opts := range []batcher.Options{{MaxSize: 5}, {MaxSize: 5, MaxPending: 9}, {Delay: 20 * time.Microsecond, MaxConcurrent: 2}} {
		b := batcher.New(answerAll, opts)
		var callers sync.WaitGroup
		for c := range 20 {
			callers.Go(func() {
				for i := range 20 {
					comeAndGo(t, b, c, i)
				}
			})
		}
		callers.Wait()
		b.Close()
		if s := b.Stats(); s.Submitted != s.Succeeded+s.Failed+s.Canceled || s.Pending != 0 || s.Failed != 0 {
			t.Errorf("%+v", s)
		}
	}
}

// comeAndGo hands a request in and perhaps leaves before the answer is there.
func comeAndGo(t *testing.T, b *batcher.Batcher[int, int], caller, i int) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	req := 1000*caller + i
	if i%3 == 0 {
		go cancel()
	}
	do := b.Do
	if i%2 == 0 {
		do = func(ctx context.Context, req int) (int, error) {
			f := b.Submit(ctx, req)
			if i%4 == 0 {
				go f.Cancel()
			}
			return f.Wait(context.Background())
		}
	}
	got, err := do(ctx, req)
	wrong := err == nil && got != 10*req
	strange := err != nil && err != context.Canceled && !errors.Is(err, batcher.ErrCanceled)
	if wrong || strange || err == context.Canceled && ctx.Err() == nil {
		t.Errorf("request %d got %d, %v", req, got, err)
	}
}

// Go waits for a worker in the first Submit; the second has the same context.
func TestContextEndsWhileGoWaitsInANeighboursSubmit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		worker := make(chan struct{})
		b := batcher.New(answerAll, batcher.Options{Go: func(task func()) { <-worker; go task() }})
		ctx, cancel := context.WithCancel(context.Background())
		go b.Submit(ctx, 1)
		synctest.Wait()
		second := b.Submit(ctx, 2)
		cancel()
		synctest.Wait()
		if !closed(second.Done()) {
			t.Error("the second is not withdrawn")
		}
		close(worker)
		b.Close()
	})
}
