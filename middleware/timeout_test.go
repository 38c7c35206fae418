package middleware_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/middleware"
)

// slow is a Func that takes d and does not look at its context. A test that
// gives it up must wait for it: rest does.
func slow(d time.Duration) batcher.Func[int, string] {
	return func(_ context.Context, reqs []int) ([]string, error) {
		time.Sleep(d)
		return answerAll(reqs), nil
	}
}

// rest lets d pass for Funcs that were given up, and sees them end.
func rest(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestTimeoutReturnsWhenTheTimeHasPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		got := run(t, middleware.Timeout(slow(time.Hour), time.Second), 1, 2)
		if d := time.Since(start); d != time.Second {
			t.Errorf("took %v, want 1s", d)
		}
		defer rest(2 * time.Hour)
		for i := range got {
			var timeout interface{ Timeout() bool }
			if err := got[i].Err; !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
				t.Errorf("request %d: %v, want context.DeadlineExceeded, which is a timeout", i, err)
			}
		}
	})
}

func TestTimeoutGivesFuncADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var ended time.Duration
		var cause error
		fn := func(ctx context.Context, reqs []int) ([]string, error) {
			deadline, ok := ctx.Deadline()
			if !ok || !deadline.Equal(start.Add(time.Second)) {
				t.Errorf("deadline %v, %t; want in 1s", deadline, ok)
			}
			<-ctx.Done()
			ended, cause = time.Since(start), context.Cause(ctx)
			return nil, ctx.Err()
		}
		got := run(t, middleware.Timeout(fn, time.Second), 1)
		synctest.Wait()
		if ended != time.Second {
			t.Errorf("Func's context ended after %v, want 1s", ended)
		}
		want := "middleware: no answer from Func within 1s: context deadline exceeded"
		if got[0].Err.Error() != want || cause.Error() != want {
			t.Errorf("got %q, and %q as Func's cause; want %q for both", got[0].Err, cause, want)
		}
	})
}

// A Func that returns at that very instant may still be in time; its callers get
// the same error, whichever is faster.
func TestTimeoutSpeaksForAFuncThatHeedsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		each := batcher.Errors{errBad, errBad}
		for name, failure := range map[string]error{"error": errBad, "Errors": each} {
			fn := func(ctx context.Context, reqs []int) ([]string, error) {
				<-ctx.Done()
				return answerAll(reqs), failure
			}
			for range 3000 {
				for _, got := range run(t, middleware.Timeout(fn, time.Second), 1, 2) {
					if !errors.Is(got.Err, context.DeadlineExceeded) || errors.Is(got.Err, errBad) {
						t.Fatalf("%s: got %v, want context.DeadlineExceeded", name, got.Err)
					}
				}
			}
		}
		synctest.Wait()
		if each[0] != errBad || each[1] != errBad {
			t.Errorf("Timeout changed what Func returned: %v", each)
		}
	})
}

func TestTimeoutPassesWhatComesInTimeOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		wantAnswers(t, run(t, middleware.Timeout(slow(time.Second), 2*time.Second), 1, 2), []int{1, 2}, nil)
		if d := time.Since(start); d != time.Second {
			t.Errorf("took %v, want 1s", d)
		}
		fn := func(_ context.Context, reqs []int) ([]string, error) {
			return answerAll(reqs), batcher.Errors{nil, errBad}
		}
		wantAnswers(t, run(t, middleware.Timeout(fn, time.Second), 1, 2), []int{1, 2}, map[int]error{2: errBad})
	})
}

// The race detector is the judge here: the caller changes its slice while the
// Func that was given up still reads its own.
func TestTimeoutGivesFuncItsOwnRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var late []int
		fn := func(_ context.Context, reqs []int) ([]string, error) {
			time.Sleep(3 * time.Second)
			late = slices.Clone(reqs)
			return answerAll(reqs), nil
		}
		reqs := []int{1, 2}
		if _, err := middleware.Timeout(fn, time.Second)(t.Context(), reqs); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v, want context.DeadlineExceeded", err)
		}
		clear(reqs)
		rest(5 * time.Second)
		if !slices.Equal(late, []int{1, 2}) {
			t.Errorf("Func read %v after it was given up, want its requests", late)
		}
	})
}

func TestTimeoutLeavesTimeAfterACancellation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		fn := func(ctx context.Context, reqs []int) ([]string, error) {
			<-ctx.Done()
			time.Sleep(2 * time.Second) // tidies up
			return answerAll(reqs), nil
		}
		res, err := middleware.Timeout(fn, 5*time.Second)(ctx, []int{1})
		if d := time.Since(start); err != nil || !slices.Equal(res, []string{answer(1)}) || d != 3*time.Second {
			t.Errorf("got %v, %v after %v; want Func's results after 3s", res, err, d)
		}
		_, err = middleware.Timeout(fn, time.Second)(ctx, []int{1})
		if d := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || d != 4*time.Second {
			t.Errorf("got %v after %v; want context.DeadlineExceeded after 1s more", err, d)
		}
		rest(2 * time.Second)
	})
}

// Whatever fn has left running ends with its call, and so does the timer.
func TestTimeoutEndsTheContextOfACallInTime(t *testing.T) {
	var inner context.Context
	fn := func(ctx context.Context, reqs []int) ([]string, error) {
		inner = ctx
		return answerAll(reqs), nil
	}
	_, err := middleware.Timeout(fn, time.Hour)(t.Context(), []int{1})
	if err != nil || inner.Err() != context.Canceled {
		t.Errorf("got %v, and Func's context says %v, want context.Canceled", err, inner.Err())
	}
}

func TestTimeoutOfZeroIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, d := range []time.Duration{0, -time.Second} {
			wantAnswers(t, run(t, middleware.Timeout(slow(time.Hour), d), 1), []int{1}, nil)
		}
	})
}

func TestTimeoutPassesAPanicOn(t *testing.T) {
	fn := func(context.Context, []int) ([]string, error) { panic("oops") }
	got := run(t, middleware.Timeout(fn, time.Hour), 1)
	var panicked *batcher.PanicError
	if !errors.As(got[0].Err, &panicked) || panicked.Value != "oops" {
		t.Errorf("got %v, want a PanicError", got[0].Err)
	}
}

func TestTimeoutDropsALatePanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fn := func(context.Context, []int) ([]string, error) {
			time.Sleep(2 * time.Second)
			panic("too late to matter")
		}
		got := run(t, middleware.Timeout(fn, time.Second), 1)
		if !errors.Is(got[0].Err, context.DeadlineExceeded) {
			t.Errorf("got %v, want context.DeadlineExceeded", got[0].Err)
		}
		rest(3 * time.Second)
	})
}

func TestTimeoutPassesGoexitOn(t *testing.T) {
	ended := make(chan bool, 1)
	fn := func(context.Context, []int) ([]string, error) {
		runtime.Goexit()
		return nil, nil
	}
	go func() {
		returned := false
		defer func() { ended <- returned }()
		_, _ = middleware.Timeout(fn, time.Hour)(t.Context(), []int{1})
		returned = true
	}()
	if <-ended {
		t.Error("Timeout returned, want it to end its goroutine")
	}
}

func TestTimeoutOfANilFuncPanics(t *testing.T) {
	wantPanic(t, "middleware: Timeout of a nil Func", func() { middleware.Timeout[int, int](nil, 0) })
}
