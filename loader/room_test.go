package loader_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/loader"
)

// In the line for room too, no caller waits longer than its own context lasts,
// and a key keeps its place as long as somebody waits for it.
func TestWaitingForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := source{takes: time.Second}
		l := loader.New(s.fetch, options(batcher.Options{MaxPending: 2, Delay: 50 * time.Millisecond}))
		var wg sync.WaitGroup
		at(&wg, 0, func() {
			if values, err := l.LoadAll(t.Context(), []int{1, 2, 3}); err != nil || values[2] != "v3" {
				t.Errorf("LoadAll = %q, %v", values, err)
			}
		})
		at(&wg, 100*time.Millisecond, func() { abandons(t, l, 4, 300*time.Millisecond) })
		at(&wg, 200*time.Millisecond, func() { abandons(t, l, 5, 300*time.Millisecond) })
		at(&wg, 300*time.Millisecond, func() { loads(t, l, 5, "v5") })
		wg.Wait()
		s.wants(t, []int{1, 2}, []int{3, 5})
	})
}

// The place in the line is given up at once, not when it would be its turn.
func TestLeavingTheLineForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := source{takes: time.Hour}
		l := loader.New(s.fetch, options(batcher.Options{MaxPending: 1}))
		before := runtime.NumGoroutine()
		var wg sync.WaitGroup
		at(&wg, 0, func() { loads(t, l, 1, "v1") })
		at(&wg, time.Second, func() { abandons(t, l, 2, time.Second) })
		at(&wg, time.Minute, func() {
			synctest.Wait()
			if left := runtime.NumGoroutine() - before; left > 3 {
				t.Errorf("%d more goroutines, want that of key 1, its fetch's and this one", left)
			}
			if n := loader.Underway(l); n != 2 {
				t.Errorf("the Loader holds %d calls, fetches or places in the line, want key 1's call and fetch", n)
			}
		})
		wg.Wait()
		s.wants(t, []int{1})
	})
}

// LoadAll hands in its keys one after the other; when it has left, the rest do
// not queue.
func TestLeavingLoadAllInTheLineForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := source{takes: time.Second}
		l := loader.New(s.fetch, options(batcher.Options{MaxPending: 1}))
		var wg sync.WaitGroup
		at(&wg, 0, func() { loads(t, l, 1, "v1") })
		at(&wg, 100*time.Millisecond, func() {
			if _, err := l.LoadAll(leaving(t, 200*time.Millisecond), []int{2, 3, 4}); !errors.Is(err, errLeft) {
				t.Errorf("LoadAll: %v, want errLeft", err)
			}
		})
		at(&wg, 200*time.Millisecond, func() { loads(t, l, 4, "v4") })
		at(&wg, 400*time.Millisecond, func() {
			if n := loader.Underway(l); n != 4 {
				t.Errorf("the Loader holds %d calls, fetches or places in the line, want key 1's call and fetch, key 4's call and place", n)
			}
		})
		wg.Wait()
		s.wants(t, []int{1}, []int{4})
	})
}

// Nor do they wait for room that may never come.
func TestKeysOfALoadAllThatHasLeftAreNotKeptInTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := source{takes: time.Hour}
		l := loader.New(s.fetch, options(batcher.Options{MaxPending: 1}))
		var wg sync.WaitGroup
		at(&wg, 0, func() { loads(t, l, 1, "v1") })
		at(&wg, time.Second, func() {
			if _, err := l.LoadAll(leaving(t, time.Second), []int{2, 3, 4}); !errors.Is(err, errLeft) {
				t.Errorf("LoadAll: %v, want errLeft", err)
			}
			synctest.Wait()
			if n := loader.Underway(l); n != 2 {
				t.Errorf("the Loader holds %d calls, fetches or places in the line, want key 1's call and fetch", n)
			}
		})
		wg.Wait()
	})
}

// The caller leaves between the start of the fetch and the return of Submit
// that caused it: the fetch must learn of it all the same.
func TestLeavingWhileTheKeyIsHandedIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, leave := context.WithCancelCause(t.Context())
		ended := make(chan time.Time, 1)
		l := loader.New(func(ctx context.Context, keys []int) (map[int]string, error) {
			<-ctx.Done()
			ended <- time.Now()
			return nil, nil
		}, options(batcher.Options{MaxPending: 1, Go: func(task func()) {
			go task()
			synctest.Wait() // the fetch runs, and Submit has not returned
			leave(errLeft)
			time.Sleep(time.Second)
		}}))
		start := time.Now()
		if _, err := l.Load(ctx, 1); err != errLeft || time.Since(start) != 0 {
			t.Errorf("Load: %v after %v, want errLeft at once", err, time.Since(start))
		}
		if after := (<-ended).Sub(start); after != time.Second {
			t.Errorf("the fetch ended after %v, want 1s", after)
		}
	})
}

// errless is a context that has ended and does not say why.
type errless struct{ context.Context }

func (errless) Err() error    { return nil }
func (errless) Value(any) any { return nil }

func TestLeavingTheLineForRoomWithoutAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := source{takes: time.Hour}
		l := loader.New(s.fetch, options(batcher.Options{MaxPending: 1}))
		var wg sync.WaitGroup
		at(&wg, 0, func() { loads(t, l, 1, "v1") })
		at(&wg, time.Second, func() {
			if _, err := l.Load(errless{leaving(t, 0)}, 2); !errors.Is(err, batcher.ErrCanceled) {
				t.Errorf("got %v, want ErrCanceled", err)
			}
		})
		wg.Wait()
	})
}
