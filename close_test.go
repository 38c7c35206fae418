package batcher_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
)

func TestCloseProcessesAllThatWasAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{MaxSize: 2, Delay: time.Hour})
		futures := submitAll(b, 1, 2, 3, 4, 5) // one runs, one is full, one collects
		r.until(1 * time.Second)
		closing := r.later(func() (int, error) { return 0, b.Close() })
		for at := 2 * time.Second; at <= 4*time.Second; at += time.Second {
			r.until(at)
			if len(closing) > 0 {
				t.Errorf("closed after %v with requests pending", time.Since(r.start))
			}
			r.release(1)
		}
		if got := <-closing; got != (outcome{0, nil, 4 * time.Second}) {
			t.Errorf("Close: %+v", got)
		}
		r.expect(t, "0s size [1 2]", "2s size [3 4]", "3s close [5]")
		expectAnswers(t, futures, 10, 20, 30, 40, 50)
	})
}

func TestCloseRefusesNewRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := batcher.New(answerAll, batcher.Options{})
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		_, err := b.Do(context.Background(), 1)
		if !errors.Is(err, batcher.ErrClosed) {
			t.Errorf("Do: %v", err)
		}
		expectErrors(t, batcher.ErrClosed, b.Submit(context.Background(), 2), b.TrySubmit(context.Background(), 3))
		if b.Flush() != nil || b.Current() != nil {
			t.Error("a batch after Close")
		}
	})
}

func TestRequestsAreRefusedWhileCloseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{Manual: true, MaxSize: 3})
		submitAll(b, 1)
		batch := b.Current()
		closing := r.later(func() (int, error) { return 0, b.Close() })
		expectErrors(t, batcher.ErrClosed, submitAll(b, 2)...)
		if _, err := batch.Add(context.Background(), 3); !errors.Is(err, batcher.ErrClosed) {
			t.Errorf("Add: %v", err)
		}
		r.release(1)
		<-closing
		r.expect(t, "0s close [1]")
	})
}

func TestCloseMayBeCalledByManyAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{})
		submitAll(b, 1)
		var closings []<-chan outcome
		for range 3 {
			closings = append(closings, r.later(func() (int, error) { return 0, b.Close() }))
		}
		r.until(2 * time.Second)
		r.release(1)
		for _, c := range closings {
			if got := <-c; got != (outcome{0, nil, 2 * time.Second}) {
				t.Errorf("Close: %+v", got)
			}
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseOfAStrictRemainder(t *testing.T) {
	for _, c := range []struct {
		name     string
		canceled bool
		want     []string
	}{
		{"below MinSize", true, nil},
		{"at MinSize", false, []string{"0s close [1 2]"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := record()
				b := batcher.New(r.process, batcher.Options{MinSize: 2, StrictSize: true, Manual: true})
				futures := submitAll(b, 1, 2)
				if c.canceled {
					futures[0].Cancel()
				}
				if err := b.Close(); err != nil {
					t.Error(err)
				}
				if c.canceled {
					expectErrors(t, batcher.ErrClosed, futures[1])
					if s := b.Stats(); s.Failed != 1 || s.Canceled != 1 {
						t.Errorf("%+v", s)
					}
				}
				r.expect(t, c.want...)
			})
		})
	}
}

func TestCloseWithoutStrictSizeProcessesTheRemainder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{MinSize: 5, Delay: time.Hour})
		futures := submitAll(b, 1)
		b.Close()
		expectAnswers(t, futures, 10)
		r.expect(t, "0s close [1]")
	})
}

func TestShutdownInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{Delay: time.Hour})
		futures := submitAll(b, 1)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := b.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		expectAnswers(t, futures, 10)
		cancel()
		for range 50 { // all is answered: that wins over an ended context
			if err := b.Shutdown(ctx); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// A slot may not have seen yet that nothing is due.
func TestShutdownWithoutTimeOrRequests(t *testing.T) {
	var tasks []func()
	b := batcher.New(answerAll, batcher.Options{Go: func(task func()) { tasks = append(tasks, task) }})
	b.Submit(context.Background(), 1).Cancel()
	ended, end := context.WithCancel(context.Background())
	end()
	if err := b.Shutdown(ended); err != nil {
		t.Errorf("with %d slots on their way: %v", len(tasks), err)
	}
	tasks[0]()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func TestShutdownOutOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient()
		b := batcher.New(p.process, together(2))
		running, full, open := submitAll(b, 1, 2), submitAll(b, 3, 4), submitAll(b, 5)
		fctx := <-p.ctx
		impatient := errors.New("impatient")
		ctx, cancel := context.WithTimeoutCause(context.Background(), 3*time.Second, impatient)
		defer cancel()

		err := b.Shutdown(ctx)

		if err != impatient || time.Since(p.start) != 3*time.Second {
			t.Errorf("Shutdown: %v after %v", err, time.Since(p.start))
		}
		if context.Cause(fctx) != batcher.ErrClosed {
			t.Errorf("Func's context: %v", context.Cause(fctx))
		}
		expectErrors(t, batcher.ErrClosed, append(full, open...)...)
		for _, f := range running { // what Func says, but not as if they had left
			_, err := f.Wait(context.Background())
			if !errors.Is(err, batcher.ErrClosed) || errors.Is(err, context.Canceled) {
				t.Errorf("who runs: %v", err)
			}
		}
		if len(p.ctx) != 0 {
			t.Error("a batch has begun after the end")
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestShutdownOutOfTimeEndsAllThatRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient()
		b := batcher.New(p.process, batcher.Options{MaxSize: 1, MaxConcurrent: 3})
		submitAll(b, 1, 2, 3)
		synctest.Wait()
		ended, end := context.WithCancel(context.Background())
		end()
		b.Shutdown(ended)
		for range 3 {
			if ctx := <-p.ctx; context.Cause(ctx) != batcher.ErrClosed {
				t.Errorf("a Func's context: %v", context.Cause(ctx))
			}
		}
	})
}

// Without a limit of time it would wait for itself.
func TestShutdownWithinFunc(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b *batcher.Batcher[int, int]
		b = batcher.New(func(_ context.Context, reqs []int) ([]int, error) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			if err := b.Shutdown(ctx); err != context.DeadlineExceeded {
				t.Errorf("Shutdown: %v", err)
			}
			return tenfold(reqs), nil
		}, batcher.Options{})
		expectAnswers(t, submitAll(b, 1), 10)
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestShutdownDoesNotWaitForAFuncThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold() // it does not look at its context
		b := batcher.New(r.process, batcher.Options{})
		running := submitAll(b, 1)
		r.until(1 * time.Second)
		open := submitAll(b, 2)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := b.Shutdown(ctx); err != context.DeadlineExceeded || time.Since(r.start) != 2*time.Second {
			t.Errorf("Shutdown: %v after %v", err, time.Since(r.start))
		}
		expectErrors(t, batcher.ErrClosed, open...)
		r.until(5 * time.Second)
		closing := r.later(func() (int, error) { return 0, b.Close() })
		r.until(6 * time.Second)
		r.release(1)
		if got := <-closing; got != (outcome{0, nil, 6 * time.Second}) {
			t.Errorf("Close: %+v", got)
		}
		expectAnswers(t, running, 10) // it got what Func returned in the end
		r.expect(t, "0s idle [1]")
	})
}

func TestShutdownCutsACloseShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient()
		b := batcher.New(p.process, together(1))
		submitAll(b, 1, 2)
		closing := p.later(func() (int, error) { return 0, b.Close() })
		p.until(1 * time.Second)
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		if err := b.Shutdown(ended); err != context.Canceled {
			t.Errorf("Shutdown: %v", err)
		}
		if got := <-closing; got != (outcome{0, nil, time.Second}) {
			t.Errorf("Close: %+v", got)
		}
	})
}

// A batch that has been taken does not begin after the end.
func TestShutdownWhileABatchIsAboutToRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{Manual: true})
		inner, cancel := context.WithCancel(context.Background())
		ctx := &sluggish{Context: inner}
		f := b.Submit(ctx, 1)
		ctx.hold = make(chan struct{})
		b.Flush()
		synctest.Wait() // the context is asked
		ended, end := context.WithCancel(context.Background())
		end()
		b.Shutdown(ended)
		close(ctx.hold)
		expectErrors(t, batcher.ErrClosed, f)
		b.Close()
		cancel()
		r.expect(t)
	})
}

// docs/states.md says what each call does then.
func TestCallsOnABatchThatCloseHasCanceled(t *testing.T) {
	b := batcher.New(answerAll, batcher.Options{MinSize: 4, StrictSize: true})
	f := b.Submit(context.Background(), 1)
	batch := b.Current()
	b.Close()
	if batch.State() != batcher.StateCanceled || batch.Cancel() || f.Cancel() {
		t.Errorf("%v, Cancel %t and %t", batch.State(), batch.Cancel(), f.Cancel())
	}
	expectErrors(t, batcher.ErrClosed, f)
	if _, err := batch.Add(context.Background(), 2); !errors.Is(err, batcher.ErrClosed) {
		t.Error(err)
	}
	for _, err := range []error{batch.Start(), batch.StartAfter(time.Second)} {
		if !errors.Is(err, batcher.ErrStarted) || !errors.Is(err, batcher.ErrClosed) {
			t.Error(err)
		}
	}
}
