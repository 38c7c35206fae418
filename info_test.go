package batcher_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
)

type tenant struct{}

func tenantOf(ctx context.Context) any { return ctx.Value(tenant{}) }

func withTenant(name string) context.Context {
	return context.WithValue(context.Background(), tenant{}, name)
}

func TestInfoTellsFuncOfItsBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		called := false
		b := batcher.New(func(ctx context.Context, reqs []int) ([]int, error) {
			called = true
			info, ok := batcher.FromContext(ctx)
			if !ok || info.Size != 3 || info.Weight != 3 || info.Trigger != batcher.TriggerDelay || info.Opened.Sub(start) != time.Second {
				t.Errorf("%+v, %t", info, ok)
			}
			for i, want := range []string{"one", "three", "four"} {
				if got := tenantOf(info.Requests[i]); got != want {
					t.Errorf("request %d is of %v, want %s", reqs[i], got, want)
				}
			}
			return reqs, nil
		}, batcher.Options{Delay: 10 * time.Second})
		time.Sleep(1 * time.Second)
		b.Submit(withTenant("one"), 1)
		time.Sleep(1 * time.Second)
		b.Submit(withTenant("two"), 2).Cancel()
		b.Submit(withTenant("three"), 3)
		b.Do(withTenant("four"), 4)
		if !called {
			t.Error("Func was not called")
		}
	})
}

func TestInfoShowsWhoHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := batcher.New(func(ctx context.Context, reqs []int) ([]int, error) {
			info, _ := batcher.FromContext(ctx)
			time.Sleep(2 * time.Second)
			if info.Requests[0].Err() != context.DeadlineExceeded || info.Requests[1].Err() != nil {
				t.Errorf("%v has left, and %v stays", info.Requests[0], info.Requests[1])
			}
			return reqs, nil
		}, together(2))
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		go b.Do(ctx, 1)
		synctest.Wait()
		if _, err := b.Do(context.Background(), 2); err != nil {
			t.Error(err)
		}
	})
}

func TestFromContextOfDerivedContexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if info, ok := batcher.FromContext(context.Background()); ok || info.Size != 0 {
			t.Errorf("outside of a Func: %+v", info)
		}
		b := batcher.New(func(ctx context.Context, reqs []int) ([]int, error) {
			derived, cancel := context.WithTimeout(context.WithValue(ctx, tenant{}, "a"), time.Second)
			defer cancel()
			if info, ok := batcher.FromContext(derived); !ok || info.Size != 1 {
				t.Errorf("%+v, %t", info, ok)
			}
			return reqs, nil
		}, batcher.Options{})
		expectAnswers(t, submitAll(b, 1), 1)
	})
}

func TestInfoIsACopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := batcher.New(func(ctx context.Context, reqs []int) ([]int, error) {
			info, _ := batcher.FromContext(ctx)
			info.Size, info.Requests = 0, nil
			if again, _ := batcher.FromContext(ctx); again.Size != 1 || len(again.Requests) != 1 {
				t.Errorf("%+v", again)
			}
			return reqs, nil
		}, batcher.Options{})
		expectAnswers(t, submitAll(b, 1), 1)
	})
}

func TestWithInfo(t *testing.T) {
	want := batcher.Info{Size: 2, Weight: 7, Trigger: batcher.TriggerClose, Requests: []context.Context{withTenant("a"), withTenant("b")}}
	ctx := batcher.WithInfo(withTenant("outer"), want)
	got, ok := batcher.FromContext(ctx)
	if !ok || got.Size != 2 || got.Weight != 7 || got.Trigger != batcher.TriggerClose || tenantOf(got.Requests[1]) != "b" {
		t.Errorf("%+v, %t", got, ok)
	}
	if tenantOf(ctx) != "outer" {
		t.Error("the context has lost what it carried")
	}
	inner := batcher.WithInfo(ctx, batcher.Info{Size: 1})
	if got, _ := batcher.FromContext(inner); got.Size != 1 {
		t.Errorf("the innermost counts: %+v", got)
	}
}

func TestWithInfoOverFuncsOwnContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := batcher.New(func(ctx context.Context, reqs []int) ([]int, error) {
			if info, _ := batcher.FromContext(batcher.WithInfo(ctx, batcher.Info{Size: 42})); info.Size != 42 {
				t.Errorf("%+v", info)
			}
			return reqs, nil
		}, batcher.Options{})
		expectAnswers(t, submitAll(b, 1), 1)
	})
}

// Package context watches a foreign context with a goroutine for each derived
// one. Func's context is none: thousands of them cost nothing.
func TestDerivedContextsStartNoGoroutine(t *testing.T) {
	for _, timeout := range []time.Duration{0, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			b := batcher.New(func(ctx context.Context, reqs []int) ([]int, error) {
				before := goroutines()
				for range 100 {
					derived, cancel := context.WithCancel(ctx)
					defer cancel()
					context.AfterFunc(derived, func() {})
				}
				if now := goroutines(); now > before+10 {
					t.Errorf("%d goroutines more", now-before)
				}
				return reqs, nil
			}, batcher.Options{})
			ctx := context.Background()
			if timeout > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, timeout)
				defer cancel()
			}
			if _, err := b.Do(ctx, 1); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestDerivedContextEndsWithFuncs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var derived context.Context
		b := batcher.New(func(ctx context.Context, reqs []int) ([]int, error) {
			var cancel context.CancelFunc
			derived, cancel = context.WithTimeout(ctx, time.Hour)
			_ = cancel // ends with its parent
			return reqs, nil
		}, batcher.Options{})
		b.Do(context.Background(), 1)
		synctest.Wait()
		if derived.Err() != context.Canceled {
			t.Errorf("%v", derived.Err())
		}
	})
}

// A Func may leave goroutines behind that use its context; the race detector
// watches that they do not disturb what comes next.
func TestContextMayBeUsedAfterFuncHasReturned(t *testing.T) {
	for _, timeout := range []time.Duration{0, time.Hour} {
		var stragglers sync.WaitGroup
		b := batcher.New(func(ctx context.Context, reqs []int) ([]int, error) {
			for range 2 {
				stragglers.Go(func() {
					ctx.Deadline()
					ctx.Value(tenant{})
					derived, cancel := context.WithCancel(ctx)
					defer cancel()
					info, ok := batcher.FromContext(derived)
					for _, request := range info.Requests {
						request.Err()
					}
					<-ctx.Done()
					if !ok || ctx.Err() == nil || context.Cause(ctx) == nil || info.Size != len(info.Requests) {
						t.Errorf("%v, %+v", ctx.Err(), info)
					}
				})
			}
			return tenfold(reqs), nil
		}, batcher.Options{MaxSize: 4})
		ctx, cancel := context.WithCancel(context.Background())
		if timeout > 0 {
			ctx, cancel = context.WithTimeout(ctx, timeout)
		}
		for i := range 200 {
			f := b.Submit(ctx, i)
			if i%5 == 0 {
				f.Cancel()
			}
		}
		b.Close()
		stragglers.Wait()
		cancel()
		if s := b.Stats(); s.Batches == 0 {
			t.Errorf("Func was not called: %+v", s)
		}
	}
}

// A Func may print its context; for the race detector.
func TestFuncPrintsItsContextWhileACallerLeaves(t *testing.T) {
	ctx, leave := context.WithCancel(context.Background())
	b := batcher.New(func(ctx context.Context, reqs []int) ([]int, error) {
		derived, cancel := context.WithCancel(ctx)
		defer cancel()
		leave()
		for ended := false; !ended; ended = derived.Err() != nil {
			if got := fmt.Sprintf("%v, %+v", ctx, derived); got != "batcher.Func, batcher.Func.WithCancel" {
				t.Error(got)
				break
			}
		}
		return reqs, nil
	}, batcher.Options{})
	b.Do(ctx, 1)
	b.Close()
	if s := b.Stats(); s.Batches != 1 {
		t.Errorf("Func was not called: %+v", s)
	}
}
