package loader_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/loader"
)

// once makes a Loader whose first fetch does f, after a second, and whose
// others succeed. It would cache every error that it may.
func once(f func() error) *loader.Loader[int, string] {
	var fetches int
	return loader.New(func(_ context.Context, keys []int) (map[int]string, error) {
		fetches++
		if fetches > 1 {
			return map[int]string{1: "one", 2: "two"}, nil
		}
		time.Sleep(time.Second)
		return nil, f()
	}, loader.Options[int, string]{CacheErrors: func(error) bool { return true }})
}

func TestPanicIsNotCached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := once(func() error { panic("boom") })
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				var panicked *batcher.PanicError
				if _, err := l.Load(t.Context(), 1); !errors.As(err, &panicked) || panicked.Value != "boom" {
					t.Errorf("Load: %v, want a PanicError", err)
				}
			})
		}
		wg.Wait()
		loads(t, l, 1, "one")
	})
}

func TestGoexitIsNotCached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := once(func() error { runtime.Goexit(); return nil })
		if _, err := l.Load(t.Context(), 1); err == nil {
			t.Error("Load succeeded, want an error")
		}
		loads(t, l, 1, "one")
	})
}

// An Options.Go that runs a fetch itself does so in the goroutine that hands in
// the keys, where there is a limit of room: the others must not wait for ever.
func TestGoexitWhereKeysWaitForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fetches := 0
		l := loader.New(func(_ context.Context, keys []int) (map[int]string, error) {
			if fetches++; fetches == 1 {
				runtime.Goexit()
			}
			return map[int]string{keys[0]: "v"}, nil
		}, options(batcher.Options{MaxPending: 5, MaxSize: 1, Go: func(task func()) { task() }}))
		values, err := l.LoadAll(t.Context(), []int{1, 2, 3})
		if each := (batcher.Errors)(nil); !errors.As(err, &each) || each[0] == nil || each[1] != nil || each[2] != nil {
			t.Errorf("LoadAll = %q, %v, want that key 1 alone failed", values, err)
		}
		loads(t, l, 1, "v")
	})
	synctest.Test(t, func(t *testing.T) {
		l := loader.New(func(context.Context, []int) (map[int]string, error) {
			runtime.Goexit()
			return nil, nil
		}, options(batcher.Options{MaxPending: 5, Go: func(task func()) { task() }}))
		if value, err := l.Load(t.Context(), 1); err == nil {
			t.Errorf("Load = %q, want an error", value)
		}
	})
}

func TestErrorsOfTheMomentAreNeverCached(t *testing.T) {
	for _, moment := range []error{
		context.Canceled, context.DeadlineExceeded,
		batcher.ErrCanceled, batcher.ErrClosed, batcher.ErrFull,
		&batcher.PanicError{Value: "inner"},
	} {
		for _, failure := range []error{fmt.Errorf("query: %w", moment), loader.Errors[int]{1: moment}} {
			synctest.Test(t, func(t *testing.T) {
				l := once(func() error { return failure })
				if _, err := l.Load(t.Context(), 1); err == nil {
					t.Errorf("Load succeeded, want %v", failure)
				}
				loads(t, l, 1, "one")
			})
		}
	}
}

// Nor does a panic say anything of a key that is passed on as an error, with an
// Errors in it.
func TestPanicWithErrorsIsAPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		panicked := &batcher.PanicError{Value: loader.Errors[int]{1: errors.New("boom")}}
		l := once(func() error { return panicked })
		if _, err := l.Load(t.Context(), 1); err != panicked {
			t.Errorf("Load: %v, want the panic", err)
		}
		loads(t, l, 1, "one")
	})
}

// A fetch that everybody has left may say so in words of its own, or give what
// it has.
func TestErrorsOfACutFetchAreNotCached(t *testing.T) {
	for _, failure := range []error{errors.New("interrupted"), loader.Errors[int]{1: errors.New("interrupted")}, nil} {
		synctest.Test(t, func(t *testing.T) {
			var fetches int
			l := loader.New(func(ctx context.Context, keys []int) (map[int]string, error) {
				if fetches++; fetches == 1 {
					<-ctx.Done()
					return map[int]string{2: "two"}, failure
				}
				return map[int]string{1: "one"}, nil
			}, loader.Options[int, string]{CacheErrors: func(error) bool { return true }})
			if _, err := l.LoadAll(leaving(t, time.Second), []int{1, 2}); !errors.Is(err, errLeft) {
				t.Errorf("LoadAll: %v, want errLeft", err)
			}
			synctest.Wait()
			loads(t, l, 1, "one")
		})
	}
}

func TestCachingOfErrorsIsAChoice(t *testing.T) {
	boom := errors.New("boom")
	notFound := func(err error) bool { return errors.Is(err, loader.ErrNotFound) }
	for name, test := range map[string]struct {
		choice func(error) bool
		want   [][]int
	}{
		"none":     {nil, [][]int{{1, 2, 3}, {1, 2}}},
		"notFound": {notFound, [][]int{{1, 2, 3}, {2}}},
		"all":      {func(error) bool { return true }, [][]int{{1, 2, 3}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s source
				l := loader.New(func(_ context.Context, keys []int) (map[int]string, error) {
					s.note(keys)
					return map[int]string{3: "three"}, loader.Errors[int]{2: boom}
				}, loader.Options[int, string]{CacheErrors: test.choice})
				for range 2 {
					_, err := l.LoadAll(t.Context(), []int{1, 2, 3})
					var errs batcher.Errors
					if !errors.As(err, &errs) || !errors.Is(errs[0], loader.ErrNotFound) || errs[1] != boom || errs[2] != nil {
						t.Errorf("LoadAll: %v, want ErrNotFound, boom, nil", err)
					}
					synctest.Wait() // until the loader is idle
				}
				s.wants(t, test.want...)
				peeks(t, l, 1, "") // a cached error is no value
				l.Prime(1, "primed")
				loads(t, l, 1, "primed")
			})
		})
	}
}

// A panic of CacheErrors is like one of the fetch: of what it was about to be
// asked, nothing is cached.
func TestPanicOfCacheErrors(t *testing.T) {
	var s source
	l := loader.New(func(_ context.Context, keys []int) (map[int]string, error) {
		s.note(keys)
		return map[int]string{1: "one", 3: "three"}, nil
	}, loader.Options[int, string]{CacheErrors: func(error) bool { panic("boom") }})
	var panicked *batcher.PanicError
	if _, err := l.LoadAll(t.Context(), []int{1, 2}); !errors.As(err, &panicked) {
		t.Errorf("LoadAll: %v, want a PanicError", err)
	}
	peeks(t, l, 1, "")
	peeks(t, l, 3, "")
	loads(t, l, 1, "one")
	s.wants(t, []int{1, 2}, []int{1})
}

// A panic of what the caller passed in reaches that caller and leaves the
// Loader usable: no lock is held, and nobody joins a call that never started.
func TestPanicsInTheCallersGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := loader.New(func(_ context.Context, keys []any) (map[any]int, error) {
			return map[any]int{1: 1, 2: 2}, nil
		}, loader.Options[any, int]{})
		var unhashable any = []int{1}
		panics(t, func() { l.Load(t.Context(), unhashable) })
		panics(t, func() { l.LoadAll(t.Context(), []any{1, 2, unhashable}) })
		for key := 1; key <= 2; key++ {
			if value, err := l.Load(t.Context(), key); value != key || err != nil {
				t.Errorf("Load(%d) = %v, %v", key, value, err)
			}
		}
	})
}

// A LoadAll that panics leaves what it had joined: the fetch ends with the last
// caller that still waits.
func TestPanicOfLoadAllLeavesWhatItJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan time.Duration, 1)
		start := time.Now()
		l := loader.New(func(ctx context.Context, keys []any) (map[any]int, error) {
			select {
			case <-ctx.Done():
			case <-time.After(time.Hour):
			}
			ended <- time.Since(start)
			return nil, nil
		}, loader.Options[any, int]{})
		go l.Load(leaving(t, time.Second), 1)
		synctest.Wait()
		panics(t, func() { l.LoadAll(t.Context(), []any{1, 1, []int{1}}) })
		if got := <-ended; got != time.Second {
			t.Errorf("the fetch's context ended after %v, want 1s", got)
		}
	})
}

// Nor does anybody wait for what it had handed in.
func TestPanicOfLoadAllFetchesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := loader.New(func(_ context.Context, keys []load) (map[load]int, error) {
			t.Errorf("fetched %v", keys)
			return nil, nil
		}, loader.Options[load, int]{})
		panics(t, func() { l.LoadAll(t.Context(), []load{1, 0, 2}) })
	})
}

// An Options.Go that panics takes the first caller with it; those that joined
// its call get an answer, and the next Load works as if nothing had happened.
func TestPanicOfOptionsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := true
		var l *loader.Loader[int, string]
		var wg sync.WaitGroup
		var s source
		l = loader.New(s.fetch, options(batcher.Options{Go: func(task func()) {
			if !broken {
				go task()
				return
			}
			wg.Go(func() { // joins the call that is being submitted
				if _, err := l.Load(t.Context(), 1); !errors.Is(err, batcher.ErrCanceled) {
					t.Errorf("Load: %v, want ErrCanceled", err)
				}
			})
			synctest.Wait()
			panic("no goroutine")
		}}))
		panics(t, func() { l.Load(t.Context(), 1) })
		wg.Wait()
		broken = false
		loads(t, l, 1, "v1")
	})
}

// Who joins a call while it is handed in waits for its answer too.
func TestJoiningAKeyWhileItIsHandedIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l *loader.Loader[int, string]
		var wg sync.WaitGroup
		var s source
		l = loader.New(s.fetch, options(batcher.Options{Go: func(task func()) {
			wg.Go(func() { loads(t, l, 1, "v1") })
			synctest.Wait()
			go task()
		}}))
		loads(t, l, 1, "v1")
		wg.Wait()
		s.wants(t, []int{1})
	})
}

// joined is a Cache that has another Load join key 0 of a LoadAll, and panics
// once it has.
type joined struct {
	small
	join  func()
	asked int // for key 0
}

func (j *joined) Get(key int) (batcher.Result[string], bool) {
	switch {
	case key == 0:
		if j.asked++; j.asked == 1 {
			j.join()
		}
	case j.asked > 1:
		panic("cache is broken")
	default:
		runtime.Gosched()
	}
	return j.small.Get(key)
}

// A LoadAll of many keys lets others in between: they get an answer, too.
func TestPanicOfLoadAllThatOthersHaveJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l *loader.Loader[int, string]
		var wg sync.WaitGroup
		var s source
		cache := &joined{join: func() {
			wg.Go(func() {
				if _, err := l.Load(t.Context(), 0); !errors.Is(err, batcher.ErrCanceled) {
					t.Errorf("Load: %v, want ErrCanceled", err)
				}
			})
		}}
		l = loader.New(s.fetch, loader.Options[int, string]{Cache: cache})
		keys := make([]int, 100_000)
		for i := range keys {
			keys[i] = i
		}
		panics(t, func() { l.LoadAll(t.Context(), keys) })
		wg.Wait()
		if n := loader.Underway(l); n != 0 {
			t.Errorf("the Loader holds %d calls", n)
		}
		loads(t, l, 0, "v0")
	})
}

// panics checks that f does.
func panics(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("it did not panic")
		}
	}()
	f()
}

// load is a key whose weight may be a panic.
type load int

func (l load) Weight() int {
	if l == 0 {
		panic("it cannot be weighed")
	}
	return int(l)
}

func TestPanicOfWeight(t *testing.T) {
	for _, opts := range []batcher.Options{{}, {MaxPending: 10}} {
		synctest.Test(t, func(t *testing.T) {
			l := loader.New(func(_ context.Context, keys []load) (map[load]int, error) {
				return map[load]int{1: 1, 2: 2}, nil
			}, loader.Options[load, int]{Batch: opts})
			panics(t, func() { l.Load(t.Context(), 0) })
			panics(t, func() { l.LoadAll(t.Context(), []load{1, 0, 2}) })
			for key := 1; key <= 2; key++ {
				if value, err := l.Load(t.Context(), load(key)); value != key || err != nil {
					t.Errorf("Load(%d) = %d, %v", key, value, err)
				}
			}
			if n := loader.Underway(l); n != 0 {
				t.Errorf("the Loader holds %d calls", n)
			}
		})
	}
}

// broken is a context that panics when it is asked for what ends it.
type broken struct{ context.Context }

func (broken) Done() <-chan struct{} { panic("broken") }

// The context's panic, too, reaches its caller alone: others that load the key
// do not wait for a call that was never handed in.
func TestPanicOfAContext(t *testing.T) {
	for _, opts := range []batcher.Options{{}, {MaxPending: 10}} {
		synctest.Test(t, func(t *testing.T) {
			var s source
			l := loader.New(s.fetch, options(opts))
			panics(t, func() { l.Load(broken{t.Context()}, 1) })
			panics(t, func() { l.LoadAll(broken{t.Context()}, []int{1, 2, 1}) })
			if n := loader.Underway(l); n != 0 {
				t.Errorf("the Loader holds %d calls", n)
			}
			loads(t, l, 1, "v1")
			loads(t, l, 2, "v2")
		})
	}
}

// A caller that its context's panic takes away waits no longer: the fetch ends
// with the last that does.
func TestPanicOfAContextLeavesWhatItJoined(t *testing.T) {
	for name, load := range map[string]func(*loader.Loader[int, string], context.Context){
		"Load":    func(l *loader.Loader[int, string], ctx context.Context) { l.Load(ctx, 1) },
		"LoadAll": func(l *loader.Loader[int, string], ctx context.Context) { l.LoadAll(ctx, []int{1, 2, 1}) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, ends := fetchEnds(t, 0)
				var wg sync.WaitGroup
				wg.Go(func() { l.LoadAll(leaving(t, time.Second), []int{1, 2}) })
				synctest.Wait()
				panics(t, func() { load(l, broken{t.Context()}) })
				wg.Wait()
				if got := <-ends; got != time.Second {
					t.Errorf("the fetch's context ended after %v, want 1s", got)
				}
			})
		})
	}
}
