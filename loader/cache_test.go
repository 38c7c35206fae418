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

// small is a Cache for one key. It panics where it is told to.
type small struct {
	key    int
	answer batcher.Result[string]
	full   bool
	panics bool
}

func (s *small) Get(key int) (batcher.Result[string], bool) {
	if !s.full || s.key != key {
		return batcher.Result[string]{}, false
	}
	return s.answer, true
}

func (s *small) Set(key int, r batcher.Result[string]) {
	if s.panics {
		panic("cache is broken")
	}
	s.key, s.answer, s.full = key, r, true
}

func (s *small) Delete(key int) { s.full = s.full && s.key != key }
func (s *small) Clear()         { s.full = false }

func TestCacheOfTheUser(t *testing.T) {
	var s source
	var cache small
	l := loader.New(s.fetch, loader.Options[int, string]{Cache: &cache})
	loads(t, l, 1, "v1")
	loads(t, l, 1, "v1")
	loads(t, l, 2, "v2") // evicts 1
	loads(t, l, 1, "v1")
	s.wants(t, []int{1}, []int{2}, []int{1})

	l.Prime(1, "primed")
	peeks(t, l, 1, "v1")
	l.Clear(2)
	peeks(t, l, 1, "v1")
	l.Clear(1)
	peeks(t, l, 1, "")
	l.Prime(1, "primed")
	loads(t, l, 1, "primed")
	l.ClearAll()
	peeks(t, l, 1, "")
}

func TestErrorsGoToTheCacheOfTheUser(t *testing.T) {
	boom := errors.New("boom")
	cache := small{}
	l := loader.New(func(context.Context, []int) (map[int]string, error) { return nil, boom },
		loader.Options[int, string]{Cache: &cache, CacheErrors: func(error) bool { return true }})
	if _, err := l.Load(t.Context(), 1); err != boom {
		t.Errorf("Load: %v, want boom", err)
	}
	if !cache.full || cache.answer.Err != boom {
		t.Errorf("the cache holds %v, want boom", cache.answer)
	}
	l.Prime(1, "primed")
	loads(t, l, 1, "primed")
}

// Clear and what is in flight get along with a Cache of the user as with the
// default one.
func TestClearInFlightWithACacheOfTheUser(t *testing.T) {
	clearing(t, func(t *testing.T, clear func(*loader.Loader[int, string])) {
		var v versions
		l := loader.New(v.fetch, loader.Options[int, string]{Cache: &small{}})
		var wg sync.WaitGroup
		at(&wg, 0, func() { loads(t, l, 1, "version1") })
		at(&wg, 500*time.Millisecond, func() { clear(l) })
		at(&wg, 600*time.Millisecond, func() { loads(t, l, 1, "version2") })
		at(&wg, 1500*time.Millisecond, func() { peeks(t, l, 1, "") })
		wg.Wait()
		v.wants(t, []int{1}, []int{1})
	})
}

// All that wait for a fetch get the panic; the Loader stays usable.
func TestPanicOfTheCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s source
		cache := small{panics: true}
		l := loader.New(s.fetch, loader.Options[int, string]{Cache: &cache})
		_, err := l.LoadAll(t.Context(), []int{1, 2})
		var panicked *batcher.PanicError
		if !errors.As(err, &panicked) {
			t.Errorf("LoadAll: %v, want a PanicError", err)
		}
		panics(t, func() { l.Prime(1, "primed") })
		cache.panics = false
		loads(t, l, 1, "v1")
		loads(t, l, 2, "v2")
	})
}

func TestNoCacheKeepsNothing(t *testing.T) {
	var s source
	l := loader.New(s.fetch, loader.Options[int, string]{NoCache: true})
	l.Prime(1, "primed")
	peeks(t, l, 1, "")
	loads(t, l, 1, "v1")
	peeks(t, l, 1, "")
	l.Clear(1)
	l.ClearAll()
	loads(t, l, 1, "v1")
	s.wants(t, []int{1}, []int{1})
}

// The map is as long as the keys, and yet has another one.
func TestAKeyInPlaceOfTheOneAskedForIsCached(t *testing.T) {
	l := loader.New(func(context.Context, []int) (map[int]string, error) { return map[int]string{9: "v9"}, nil }, loader.Options[int, string]{})
	if _, err := l.Load(t.Context(), 1); !errors.Is(err, loader.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	peeks(t, l, 9, "v9")
}
