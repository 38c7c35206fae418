package loader_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/loader"
)

// versions answers every key with the number of the fetch, after a second.
type versions struct {
	source
	fail map[int]error // by number of the fetch
}

func (v *versions) fetch(_ context.Context, keys []int) (map[int]string, error) {
	v.note(keys)
	v.mu.Lock()
	n := len(v.asked)
	v.mu.Unlock()
	time.Sleep(time.Second)
	if err := v.fail[n]; err != nil {
		return nil, err
	}
	found := map[int]string{100: fmt.Sprint("extra", n)}
	for _, key := range keys {
		found[key] = fmt.Sprint("version", n)
	}
	return found, nil
}

// clearers are both ways to clear key 1.
var clearers = map[string]func(*loader.Loader[int, string]){
	"Clear":    func(l *loader.Loader[int, string]) { l.Clear(1) },
	"ClearAll": func(l *loader.Loader[int, string]) { l.ClearAll() },
}

func clearing(t *testing.T, f func(t *testing.T, clear func(*loader.Loader[int, string]))) {
	for name, clear := range clearers {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f(t, clear) })
		})
	}
}

func TestClearForgetsTheCached(t *testing.T) {
	clearing(t, func(t *testing.T, clear func(*loader.Loader[int, string])) {
		var v versions
		l := loader.New(v.fetch, loader.Options[int, string]{})
		loads(t, l, 1, "version1")
		clear(l)
		peeks(t, l, 1, "")
		loads(t, l, 1, "version2")
	})
}

// A fetch that began before a Clear answers the loads that waited then, and no
// others: not the loads after the Clear, which share a fetch of their own, and
// not the cache.
func TestClearOfAKeyInFlight(t *testing.T) {
	clearing(t, func(t *testing.T, clear func(*loader.Loader[int, string])) {
		var v versions
		l := loader.New(v.fetch, loader.Options[int, string]{})
		var wg sync.WaitGroup
		at(&wg, 0, func() { loads(t, l, 1, "version1") })
		at(&wg, 100*time.Millisecond, func() { loads(t, l, 1, "version1") })
		at(&wg, 200*time.Millisecond, func() { clear(l) })
		at(&wg, 300*time.Millisecond, func() { loads(t, l, 1, "version2") })
		at(&wg, 400*time.Millisecond, func() { loads(t, l, 1, "version2") })
		at(&wg, 1500*time.Millisecond, func() {
			peeks(t, l, 1, "")
			loads(t, l, 1, "version2")
		})
		wg.Wait()
		peeks(t, l, 1, "version2")
		v.wants(t, []int{1}, []int{1})
	})
}

// A fetch that has not begun will see the world after the Clear, so loads on
// both sides of it are one request: never the same key twice in a fetch.
func TestClearOfAKeyThatWaits(t *testing.T) {
	clearing(t, func(t *testing.T, clear func(*loader.Loader[int, string])) {
		var v versions
		l := loader.New(v.fetch, options(batcher.Options{Delay: time.Second}))
		var wg sync.WaitGroup
		at(&wg, 0, func() { loads(t, l, 1, "version1") })
		at(&wg, 100*time.Millisecond, func() { l.Prime(1, "primed") })
		at(&wg, 200*time.Millisecond, func() { clear(l) })
		at(&wg, 300*time.Millisecond, func() { loads(t, l, 1, "version1") })
		wg.Wait()
		peeks(t, l, 1, "version1")
		v.wants(t, []int{1})
	})
}

func TestClearedExtraKeyIsNotCached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var v versions
		l := loader.New(v.fetch, loader.Options[int, string]{})
		var wg sync.WaitGroup
		at(&wg, 0, func() { loads(t, l, 1, "version1") })
		at(&wg, 500*time.Millisecond, func() { l.Clear(100) })
		wg.Wait()
		peeks(t, l, 1, "version1")
		peeks(t, l, 100, "")
		loads(t, l, 2, "version2")
		peeks(t, l, 100, "extra2") // the next fetch began after the Clear
	})
}

// Clear, then Prime: the way to replace a value, also while the old one is on
// its way, and whether it arrives or not.
func TestPrimeAfterClearOutlivesAFetchInFlight(t *testing.T) {
	for _, failure := range []error{nil, errors.New("boom")} {
		clearing(t, func(t *testing.T, clear func(*loader.Loader[int, string])) {
			v := versions{fail: map[int]error{1: failure}}
			opts := loader.Options[int, string]{CacheErrors: func(error) bool { return true }}
			l := loader.New(v.fetch, opts)
			var wg sync.WaitGroup
			at(&wg, 0, func() {
				if _, err := l.Load(t.Context(), 1); err != failure {
					t.Errorf("Load: %v, want %v", err, failure)
				}
			})
			at(&wg, 500*time.Millisecond, func() {
				clear(l)
				l.Prime(1, "primed")
			})
			wg.Wait()
			peeks(t, l, 1, "primed")
		})
	}
}

// The slow fetch fails when the key was cleared, loaded again and is cached.
func TestStaleFailureEvictsNothing(t *testing.T) {
	clearing(t, func(t *testing.T, clear func(*loader.Loader[int, string])) {
		boom := errors.New("boom")
		var fetches atomic.Int32
		l := loader.New(func(_ context.Context, keys []int) (map[int]string, error) {
			if fetches.Add(1) == 1 {
				time.Sleep(3 * time.Second)
				return nil, boom
			}
			return map[int]string{1: "new"}, nil
		}, loader.Options[int, string]{
			Batch:       batcher.Options{MaxConcurrent: 2},
			CacheErrors: func(error) bool { return true },
		})
		var wg sync.WaitGroup
		at(&wg, 0, func() {
			if _, err := l.Load(t.Context(), 1); err != boom {
				t.Errorf("Load: %v, want boom", err)
			}
		})
		at(&wg, time.Second, func() { clear(l) })
		at(&wg, 2*time.Second, func() { loads(t, l, 1, "new") })
		wg.Wait()
		peeks(t, l, 1, "new")
	})
}
