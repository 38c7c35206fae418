package loader_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/loader"
)

var errLeft = errors.New("left")

// leaving returns a context that ends after d with errLeft.
func leaving(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeoutCause(t.Context(), d, errLeft)
	t.Cleanup(cancel)
	return ctx
}

// abandons checks one Load whose caller leaves at once when d has passed.
func abandons(t *testing.T, l *loader.Loader[int, string], key int, d time.Duration) {
	t.Helper()
	start := time.Now()
	value, err := l.Load(leaving(t, d), key)
	if waited := time.Since(start); value != "" || err != errLeft || waited != d {
		t.Errorf("Load(%d) = %q, %v after %v, want errLeft after %v", key, value, err, waited, d)
	}
}

func TestCallerThatLeavesHarmsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := source{takes: time.Second}
		l := loader.New(s.fetch, options(batcher.Options{Delay: time.Second}))
		var wg sync.WaitGroup
		at(&wg, 0, func() { abandons(t, l, 1, 500*time.Millisecond) })  // before the fetch
		at(&wg, 0, func() { abandons(t, l, 2, 1500*time.Millisecond) }) // during it
		at(&wg, 100*time.Millisecond, func() { loads(t, l, 1, "v1") })
		at(&wg, 1100*time.Millisecond, func() { loads(t, l, 2, "v2") })
		wg.Wait()
		s.wants(t, []int{1, 2})
	})
}

func TestKeyThatNobodyWaitsForIsNotFetched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s source
		l := loader.New(s.fetch, options(batcher.Options{Delay: time.Second}))
		var wg sync.WaitGroup
		at(&wg, 0, func() { abandons(t, l, 1, 300*time.Millisecond) })
		at(&wg, 100*time.Millisecond, func() { abandons(t, l, 1, 300*time.Millisecond) })
		at(&wg, 200*time.Millisecond, func() { loads(t, l, 2, "v2") })
		at(&wg, 5*time.Second, func() { abandons(t, l, 3, 300*time.Millisecond) })
		wg.Wait()
		time.Sleep(time.Minute)
		s.wants(t, []int{2})
	})
}

func TestKeyAbandonedAndLoadedAgainIsFetchedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s source
		l := loader.New(s.fetch, options(batcher.Options{Delay: time.Second}))
		var wg sync.WaitGroup
		at(&wg, 0, func() { abandons(t, l, 1, 300*time.Millisecond) })
		at(&wg, 400*time.Millisecond, func() { loads(t, l, 1, "v1") })
		at(&wg, 100*time.Millisecond, func() { loads(t, l, 2, "v2") })
		wg.Wait()
		s.wants(t, []int{1, 2})
	})
}

// fetchEnds makes a Loader that tells after how long a fetch's context ended.
func fetchEnds(t *testing.T, delay time.Duration) (*loader.Loader[int, string], chan time.Duration) {
	ends := make(chan time.Duration, 1)
	return loader.New(func(ctx context.Context, keys []int) (map[int]string, error) {
		if deadline, ok := ctx.Deadline(); ok {
			t.Errorf("the fetch has a deadline, %v", deadline)
		}
		start := time.Now()
		select {
		case <-ctx.Done():
		case <-time.After(time.Minute):
		}
		ends <- time.Since(start)
		return map[int]string{1: "one"}, nil
	}, options(batcher.Options{Delay: delay})), ends
}

// The last waiter of the last key turns the light off.
func TestFetchEndsWhenAllHaveLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, ends := fetchEnds(t, time.Second)
		var wg sync.WaitGroup
		at(&wg, 0, func() { abandons(t, l, 1, 3*time.Second) })
		at(&wg, 0, func() { abandons(t, l, 2, 4*time.Second) })
		at(&wg, 1500*time.Millisecond, func() { abandons(t, l, 1, 5*time.Second) }) // until 6.5 s
		wg.Wait()
		if got, want := <-ends, 5500*time.Millisecond; got != want {
			t.Errorf("the fetch's context ended after %v, want %v", got, want)
		}
	})
}

func TestFetchGoesOnForTheLastWaiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, ends := fetchEnds(t, time.Second)
		var wg sync.WaitGroup
		at(&wg, 0, func() { abandons(t, l, 1, 3*time.Second) })
		at(&wg, 0, func() { abandons(t, l, 2, 4*time.Second) })
		at(&wg, 1500*time.Millisecond, func() { loads(t, l, 1, "one") })
		wg.Wait()
		if got := <-ends; got != time.Minute {
			t.Errorf("the fetch's context ended after %v, want a minute", got)
		}
	})
}

// A key that all have left while others keep its fetch going is not joined
// again, as the fetch was told that nobody wants it; yet what it brings is
// cached.
func TestAbandonedKeyOfALivingFetchIsCached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := source{takes: time.Second}
		l := loader.New(s.fetch, loader.Options[int, string]{})
		var wg sync.WaitGroup
		at(&wg, 0, func() {
			if _, err := l.LoadAll(t.Context(), []int{2}); err != nil {
				t.Error(err)
			}
		})
		at(&wg, 100*time.Millisecond, func() { abandons(t, l, 1, 1500*time.Millisecond) })
		at(&wg, 200*time.Millisecond, func() { loads(t, l, 3, "v3") })
		wg.Wait()
		peeks(t, l, 1, "v1")
		s.wants(t, []int{2}, []int{1, 3})
	})
}

func TestEndedContextStartsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s source
		l := loader.New(s.fetch, loader.Options[int, string]{})
		l.Prime(1, "primed")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errLeft)
		if _, err := l.Load(ctx, 2); err != errLeft {
			t.Errorf("Load: %v, want errLeft", err)
		}
		if value, err := l.Load(ctx, 1); value != "primed" || err != nil {
			t.Errorf("Load of a cached key = %q, %v", value, err)
		}
		values, err := l.LoadAll(ctx, []int{1, 2})
		var errs batcher.Errors
		if !errors.As(err, &errs) || errs[0] != nil || errs[1] != errLeft || values[0] != "primed" {
			t.Errorf("LoadAll = %q, %v, want the cached value and errLeft", values, err)
		}
		s.wants(t)
	})
}

func TestCallerThatLeavesLoadAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := source{takes: time.Second}
		l := loader.New(s.fetch, options(batcher.Options{MaxSize: 2}))
		values, err := l.LoadAll(leaving(t, 1500*time.Millisecond), []int{1, 2, 3, 4, 5})
		var errs batcher.Errors
		if !errors.As(err, &errs) {
			t.Fatalf("LoadAll: %v, want a batcher.Errors", err)
		}
		for i, want := range []error{nil, nil, errLeft, errLeft, errLeft} {
			if errs[i] != want || (values[i] != "") != (want == nil) {
				t.Errorf("keys[%d]: %q, %v, want %v", i, values[i], errs[i], want)
			}
		}
		time.Sleep(time.Minute)
		s.wants(t, []int{1, 2}, []int{3, 4}) // the second fetch had begun
	})
}

// However many keys there are, none is held once its caller has left.
func TestFetchOfManyKeysEndsWhenTheirCallerHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, ends := fetchEnds(t, 0)
		if _, err := l.LoadAll(leaving(t, time.Second), make([]int, 200)); !errors.Is(err, errLeft) {
			t.Errorf("LoadAll: %v, want errLeft", err)
		}
		if got := <-ends; got != time.Second {
			t.Errorf("the fetch's context ended after %v, want 1s", got)
		}
	})
}

type tenant struct{}

// Of the caller's context the fetch gets what it carries, not its end.
func TestFetchSeesTheValuesOfTheFirstCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenants := make(chan any, 2)
		l := loader.New(func(ctx context.Context, keys []int) (map[int]string, error) {
			info, _ := batcher.FromContext(ctx)
			time.Sleep(time.Second) // the callers have left by then
			for _, req := range info.Requests {
				tenants <- req.Value(tenant{})
				if _, limited := req.Deadline(); limited || req.Err() != nil {
					t.Error("a caller's end reached the fetch")
				}
			}
			return nil, nil
		}, loader.Options[int, string]{})
		ctx := context.WithValue(leaving(t, 500*time.Millisecond), tenant{}, "acme")
		if _, err := l.LoadAll(ctx, []int{1, 2}); !errors.Is(err, errLeft) {
			t.Errorf("LoadAll: %v, want errLeft", err)
		}
		for range 2 {
			if got := <-tenants; got != "acme" {
				t.Errorf("the fetch saw tenant %v, want acme", got)
			}
		}
	})
}

// Those that join it add nothing.
func TestFetchSeesNoValuesOfWhoJoins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := loader.New(func(ctx context.Context, keys []int) (map[int]string, error) {
			info, _ := batcher.FromContext(ctx)
			if got := info.Requests[0].Value(tenant{}); got != "first" {
				t.Errorf("the fetch saw tenant %v, want the first", got)
			}
			return map[int]string{1: "one"}, nil
		}, options(batcher.Options{Delay: time.Second}))
		var wg sync.WaitGroup
		for i, name := range []string{"first", "second"} {
			at(&wg, time.Duration(i)*100*time.Millisecond, func() {
				if value, err := l.Load(context.WithValue(t.Context(), tenant{}, name), 1); value != "one" || err != nil {
					t.Errorf("%s: %q, %v", name, value, err)
				}
			})
		}
		wg.Wait()
	})
}

// Nor does it wait for a fetch under way.
func TestEndedContextWaitsForNothing(t *testing.T) {
	for _, opts := range []batcher.Options{{}, {MaxPending: 1}} {
		synctest.Test(t, func(t *testing.T) {
			s := source{takes: time.Second}
			l := loader.New(s.fetch, options(opts))
			var wg sync.WaitGroup
			at(&wg, 0, func() { loads(t, l, 1, "v1") })
			at(&wg, 500*time.Millisecond, func() {
				abandons(t, l, 1, 0)
				start := time.Now()
				_, err := l.LoadAll(leaving(t, 0), []int{1, 2})
				var errs batcher.Errors
				if !errors.As(err, &errs) || errs[0] != errLeft || errs[1] != errLeft || time.Since(start) != 0 {
					t.Errorf("LoadAll: %v after %v, want errLeft for both at once", err, time.Since(start))
				}
			})
			wg.Wait()
			s.wants(t, []int{1})
		})
	}
}

// Not even where Options.Go runs a fetch before Submit returns.
func TestAnEndedContextFetchesNothing(t *testing.T) {
	var s source
	l := loader.New(s.fetch, options(batcher.Options{Go: func(run func()) { run() }}))
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errLeft)
	if _, err := l.Load(ctx, 1); err != errLeft {
		t.Errorf("Load: %v", err)
	}
	if _, err := l.LoadAll(ctx, []int{2, 3}); !errors.Is(err, errLeft) {
		t.Errorf("LoadAll: %v", err)
	}
	s.wants(t)
}
