package batcher_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
)

// patient has a Func that runs until it is released or its context ends, and
// remembers its context.
type patient struct {
	*recorder
	ctx chan context.Context
}

func newPatient() patient { return patient{hold(), make(chan context.Context, 10)} }

func (p patient) process(ctx context.Context, reqs []int) ([]int, error) {
	p.ctx <- ctx
	select {
	case <-p.gate:
		return tenfold(reqs), nil
	case <-ctx.Done():
		return nil, fmt.Errorf("stopped at %v: %w", time.Since(p.start), ctx.Err())
	}
}

// together are Options with which n requests make a batch, and fewer do not.
func together(n int) batcher.Options { return batcher.Options{MaxSize: n, Delay: time.Hour} }

func TestLeavingABatchThatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient()
		b := batcher.New(p.process, together(2))
		cause := errors.New("gone home")
		ctx, cancel := context.WithCancelCause(context.Background())
		leaver := p.later(func() (int, error) { return b.Do(ctx, 1) })
		stayer := p.later(func() (int, error) { return b.Do(context.Background(), 2) })
		p.until(3 * time.Second)

		cancel(cause)

		if got := <-leaver; got != (outcome{0, cause, 3 * time.Second}) {
			t.Errorf("who leaves: %+v", got)
		}
		p.until(5 * time.Second)
		if err := (<-p.ctx).Err(); err != nil {
			t.Errorf("Func's context has ended with a caller there: %v", err)
		}
		p.release(1)
		if got := <-stayer; got != (outcome{20, nil, 5 * time.Second}) {
			t.Errorf("who stays: %+v", got)
		}
		if s := b.Stats(); s.Succeeded != 2 || s.Canceled != 0 { // what Func answered
			t.Errorf("%+v", s)
		}
	})
}

func TestFuncsContextEndsWhenAllCallersHaveLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient()
		b := batcher.New(p.process, together(3))
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		do := p.later(func() (int, error) { return b.Do(ctx, 1) })
		futures := submitAll(b, 2, 3)
		fctx := <-p.ctx
		<-do
		p.until(2 * time.Second)
		for range 5 { // one caller leaves only once
			if futures[0].Cancel() {
				t.Error("Cancel says that a request that runs was withdrawn")
			}
		}
		if fctx.Err() != nil {
			t.Fatal("Func's context has ended with a caller there")
		}
		p.until(3 * time.Second)
		futures[1].Cancel()
		if !closed(fctx.Done()) || fctx.Err() != context.Canceled || !errors.Is(context.Cause(fctx), batcher.ErrCanceled) {
			t.Errorf("Func's context: %v, %v", fctx.Err(), context.Cause(fctx))
		}
		// The answer stays what Func says; but nobody's own context was canceled.
		for _, f := range futures {
			_, err := f.Wait(context.Background())
			if !errors.Is(err, batcher.ErrCanceled) || errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		}
		if s := b.Stats(); s.Failed != 3 || s.Canceled != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestFuncAsksForItsContextAfterAllHaveLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leave := make(chan struct{})
		b := batcher.New(func(ctx context.Context, reqs []int) ([]int, error) {
			<-leave
			<-ctx.Done()
			return nil, context.Cause(ctx)
		}, batcher.Options{})
		f := b.Submit(context.Background(), 1)
		synctest.Wait()
		f.Cancel()
		close(leave)
		expectErrors(t, batcher.ErrCanceled, f)
	})
}

func TestWithdrawnRequestsDoNotHoldFunc(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient()
		b := batcher.New(p.process, together(3))
		futures := submitAll(b, 1, 2)
		futures[0].Cancel()
		futures = append(futures, submitAll(b, 3)...)
		fctx := <-p.ctx
		futures[1].Cancel()
		futures[0].Cancel() // it is none of those who wait for Func
		if fctx.Err() != nil {
			t.Error("Func's context has ended with a caller there")
		}
		futures[2].Cancel()
		if fctx.Err() == nil {
			t.Error("Func's context goes on for nobody")
		}
	})
}

func TestEndOfTheSubmitContextWhileTheBatchRunsHasNoEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient()
		b := batcher.New(p.process, batcher.Options{})
		ctx, cancel := context.WithCancel(context.Background())
		f := b.Submit(ctx, 1)
		fctx := <-p.ctx
		cancel()
		synctest.Wait()
		if fctx.Err() != nil {
			t.Errorf("Func's context: %v", fctx.Err())
		}
		p.release(1)
		expectAnswers(t, []batcher.Future[int]{f}, 10)
	})
}

func TestEndOfAWaitIsNotLeaving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient()
		b := batcher.New(p.process, batcher.Options{})
		f := b.Submit(context.Background(), 1)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := f.Wait(ctx); err != context.DeadlineExceeded {
			t.Errorf("got %v", err)
		}
		synctest.Wait()
		if err := (<-p.ctx).Err(); err != nil {
			t.Errorf("Func's context: %v", err)
		}
		p.release(1)
		expectAnswers(t, []batcher.Future[int]{f}, 10)
	})
}

func TestFuncsContextBelongsToNoCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		p := newPatient()
		b := batcher.New(p.process, batcher.Options{})
		ctx, cancel := context.WithCancel(context.WithValue(context.Background(), key{}, "secret"))
		b.Submit(ctx, 1)
		fctx := <-p.ctx
		cancel()
		synctest.Wait()
		if fctx.Value(key{}) != nil || fctx.Err() != nil {
			t.Errorf("a batch of one took over its caller's context: %v, %v", fctx.Value(key{}), fctx.Err())
		}
		p.release(1)
	})
}

func TestFuncsContextEndsWhenFuncReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient()
		b := batcher.New(p.process, batcher.Options{})
		b.Submit(context.Background(), 1)
		fctx := <-p.ctx
		synctest.Wait()
		p.release(1)
		if !closed(fctx.Done()) || fctx.Err() != context.Canceled {
			t.Errorf("Func's context: %v", fctx.Err())
		}
	})
}

func TestDeadlineIsTheLatestOfTheCallers(t *testing.T) {
	const none = 0
	for _, c := range []struct {
		name      string
		deadlines []time.Duration
		want      time.Duration
	}{
		{"the latest", []time.Duration{3 * time.Second, 9 * time.Second, 5 * time.Second}, 9 * time.Second},
		{"none if one has none", []time.Duration{3 * time.Second, none, 5 * time.Second}, none},
		{"one caller", []time.Duration{3 * time.Second}, 3 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPatient()
				b := batcher.New(p.process, together(len(c.deadlines)))
				futures := make([]batcher.Future[int], len(c.deadlines))
				for i, d := range c.deadlines {
					ctx := context.Background()
					if d != none {
						var cancel context.CancelFunc
						ctx, cancel = context.WithTimeout(ctx, d)
						defer cancel()
					}
					futures[i] = b.Submit(ctx, i)
				}
				fctx := <-p.ctx
				deadline, ok := fctx.Deadline()
				if ok != (c.want != none) || ok && deadline.Sub(p.start) != c.want {
					t.Errorf("deadline after %v, %t", deadline.Sub(p.start), ok)
				}
				if c.want == none {
					p.until(time.Hour)
					p.release(1)
					expectAnswers(t, futures[:1], 0)
					return
				}
				p.until(c.want - 1)
				if fctx.Err() != nil {
					t.Errorf("Func's context has ended before: %v", fctx.Err())
				}
				expectErrors(t, context.DeadlineExceeded, futures...)
				if time.Since(p.start) != c.want || fctx.Err() != context.DeadlineExceeded {
					t.Errorf("ended after %v with %v", time.Since(p.start), fctx.Err())
				}
			})
		})
	}
}

func TestDeadlineOfTheWithdrawnDoesNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient()
		b := batcher.New(p.process, together(3))
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		mine := b.Submit(ctx, 1)
		b.Submit(context.Background(), 2).Cancel() // had no deadline
		b.Submit(ctx, 3)
		if deadline, _ := (<-p.ctx).Deadline(); deadline.Sub(p.start) != 5*time.Second {
			t.Errorf("deadline after %v", deadline.Sub(p.start))
		}
		expectErrors(t, context.DeadlineExceeded, mine)
	})
}
