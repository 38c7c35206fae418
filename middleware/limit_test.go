package middleware_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/middleware"
)

func TestLimitHoldsOverSeveralBatchers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := make(chan struct{}, 2)
		start := time.Now()
		var callers sync.WaitGroup
		var mu sync.Mutex
		var took []int
		for range 5 {
			b := batcher.New(middleware.Limit(slow(time.Second), slots), batcher.Options{})
			callers.Go(func() {
				if _, err := b.Do(t.Context(), 1); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				took = append(took, int(time.Since(start)/time.Second))
			})
		}
		callers.Wait()
		if want := [5]int{1, 1, 2, 2, 3}; [5]int(took) != want {
			t.Errorf("answers after %v s, want %v: two calls at once", took, want)
		}
	})
}

func TestLimitStopsWaitingWhenItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := make(chan struct{}, 1)
		slots <- struct{}{}
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errBad)
		defer cancel()
		var seen calls
		start := time.Now()
		_, err := middleware.Limit(failing(&seen), slots)(ctx, []int{1})
		if d := time.Since(start); err != errBad || d != time.Second {
			t.Errorf("got %v after %v, want the context's cause after 1s", err, d)
		}
		seen.want(t)
		if len(slots) != 1 {
			t.Errorf("%d slots taken, want the 1 that was", len(slots))
		}
	})
}

// silent is a context that has ended and does not say why.
type silent struct{ context.Context }

func (silent) Done() <-chan struct{} { done := make(chan struct{}); close(done); return done }

func TestLimitFailsWithoutACause(t *testing.T) {
	slots := make(chan struct{}, 1)
	slots <- struct{}{}
	var seen calls
	_, err := middleware.Limit(failing(&seen), slots)(silent{t.Context()}, []int{1})
	if !errors.Is(err, batcher.ErrCanceled) {
		t.Errorf("got %v, want ErrCanceled", err)
	}
	seen.want(t)
}

func TestLimitGivesItsSlotBackWhateverFuncDoes(t *testing.T) {
	for name, fn := range map[string]batcher.Func[int, string]{
		"error":  func(context.Context, []int) ([]string, error) { return nil, errBad },
		"panic":  func(context.Context, []int) ([]string, error) { panic("oops") },
		"goexit": func(context.Context, []int) ([]string, error) { runtime.Goexit(); return nil, nil },
	} {
		t.Run(name, func(t *testing.T) {
			slots := make(chan struct{}, 1)
			if got := run(t, middleware.Limit(fn, slots), 1); got[0].Err == nil {
				t.Error("no error")
			}
			if len(slots) != 0 {
				t.Error("the slot is still taken")
			}
		})
	}
}

// Inside Timeout the slot is held for as long as Func really runs.
func TestLimitOutlivesATimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := make(chan struct{}, 1)
		fn := middleware.Timeout(middleware.Limit(slow(5*time.Second), slots), 2*time.Second)
		if got := run(t, fn, 1); !errors.Is(got[0].Err, context.DeadlineExceeded) {
			t.Errorf("got %v, want context.DeadlineExceeded", got[0].Err)
		}
		if len(slots) != 1 {
			t.Error("the slot is free while Func runs")
		}
		rest(4 * time.Second)
		if len(slots) != 0 {
			t.Error("the slot is taken after Func has returned")
		}
	})
}

func TestLimitNeedsAFuncAndSlots(t *testing.T) {
	var seen calls
	wantPanic(t, "middleware: Limit of a nil Func", func() { middleware.Limit[int, int](nil, make(chan struct{}, 1)) })
	for _, slots := range []chan struct{}{nil, make(chan struct{})} {
		wantPanic(t, "middleware: Limit with slots of no capacity", func() { middleware.Limit(failing(&seen), slots) })
	}
}
