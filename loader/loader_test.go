package loader_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/loader"
)

func TestLoadCachesWhatItFetched(t *testing.T) {
	var s source
	l := loader.New(s.fetch, loader.Options[int, string]{})
	loads(t, l, 7, "v7")
	loads(t, l, 7, "v7")
	s.wants(t, []int{7})
}

func TestKeysLoadedTogetherShareAFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := source{takes: time.Second}
		l := loader.New(s.fetch, loader.Options[int, string]{})
		var wg sync.WaitGroup
		at(&wg, 0, func() { loads(t, l, 0, "v0") })
		for key := range 5 { // while the first fetch runs
			at(&wg, 100*time.Millisecond, func() { loads(t, l, key, fmt.Sprint("v", key)) })
		}
		wg.Wait()
		s.wants(t, []int{0}, []int{1, 2, 3, 4})
	})
}

// Whether a value will be cached or not, nobody fetches a key that is on its way.
func TestEqualKeysInFlightAreOneRequest(t *testing.T) {
	for _, noCache := range []bool{false, true} {
		t.Run(fmt.Sprintf("NoCache=%v", noCache), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := source{takes: time.Second}
				opts := options(batcher.Options{Delay: time.Second})
				opts.NoCache = noCache
				l := loader.New(s.fetch, opts)
				var wg sync.WaitGroup
				for ms := range 20 { // 0 to 950 ms it waits for company, then it is fetched
					at(&wg, time.Duration(ms)*95*time.Millisecond, func() { loads(t, l, 7, "v7") })
				}
				wg.Wait()
				s.wants(t, []int{7})
			})
		})
	}
}

func TestLoadAllAnswersInOrder(t *testing.T) {
	boom := errors.New("boom")
	l := loader.New(func(_ context.Context, keys []int) (map[int]string, error) {
		return map[int]string{1: "one", 2: "two", 3: "three"}, loader.Errors[int]{3: boom}
	}, loader.Options[int, string]{})
	l.Prime(5, "primed")

	values, err := l.LoadAll(t.Context(), []int{2, 9, 5, 1, 3, 2})
	if want := []string{"two", "", "primed", "one", "", "two"}; !slices.Equal(values, want) {
		t.Errorf("values are %q, want %q", values, want)
	}
	var errs batcher.Errors
	if !errors.As(err, &errs) || len(errs) != 6 {
		t.Fatalf("the error is %v, want a batcher.Errors for 6 keys", err)
	}
	for i, want := range []error{nil, loader.ErrNotFound, nil, nil, boom, nil} {
		if !errors.Is(errs[i], want) {
			t.Errorf("errs[%d] is %v, want %v", i, errs[i], want)
		}
	}

	values, err = l.LoadAll(t.Context(), []int{1, 2})
	if !slices.Equal(values, []string{"one", "two"}) || err != nil {
		t.Errorf("LoadAll = %q, %v", values, err)
	}
	if values, err = l.LoadAll(t.Context(), nil); len(values) != 0 || err != nil {
		t.Errorf("LoadAll of no keys = %q, %v", values, err)
	}
}

// With several processors an idle Batcher would start on the first few keys.
func TestLoadAllOfAnIdleLoaderIsOneFetch(t *testing.T) {
	for _, n := range []int{2, 64, 65, 3000} {
		for range 50 {
			var s source
			l := loader.New(s.fetch, loader.Options[int, string]{})
			keys := make([]int, n)
			for i := range keys {
				keys[i] = i
			}
			if _, err := l.LoadAll(t.Context(), keys); err != nil {
				t.Fatal(err)
			}
			s.wants(t, keys)
		}
	}
}

// One beside which others may run.
func TestFetchThatLoadsFromItsOwnLoader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l *loader.Loader[int, int]
		l = loader.New(func(ctx context.Context, keys []int) (map[int]int, error) {
			depths := make(map[int]int, len(keys))
			for _, key := range keys {
				if key == 0 {
					depths[0] = 0
					continue
				}
				above, err := l.LoadAll(ctx, []int{key / 10})
				if err != nil {
					return nil, err
				}
				depths[key] = 1 + above[0]
			}
			return depths, nil
		}, loader.Options[int, int]{Batch: batcher.Options{MaxConcurrent: -1}})
		if depths, err := l.LoadAll(t.Context(), []int{1234, 5, 77777}); err != nil || !slices.Equal(depths, []int{4, 1, 5}) {
			t.Errorf("LoadAll = %v, %v", depths, err)
		}
	})
}

// heap is what is reachable, in bytes.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A map keeps its room when its keys are deleted: 20 bytes a key and more here.
// One that is cached, asked for many times, needs no more than one.
func TestRoomOfManyKeysIsGivenBack(t *testing.T) {
	const n = 100_000
	distinct := make([]int, n)
	for i := range distinct {
		distinct[i] = i
	}
	for name, test := range map[string]struct {
		opts loader.Options[int, int]
		keys []int
		then func(*loader.Loader[int, int])
	}{
		"not cached": {loader.Options[int, int]{NoCache: true, Batch: batcher.Options{MaxSize: 1000}}, distinct, nil},
		"cleared":    {loader.Options[int, int]{}, distinct, (*loader.Loader[int, int]).ClearAll},
		"equal":      {loader.Options[int, int]{}, make([]int, n), nil},
	} {
		l := loader.New(func(_ context.Context, keys []int) (map[int]int, error) {
			found := make(map[int]int, len(keys))
			for _, key := range keys {
				found[key] = key
			}
			return found, nil
		}, test.opts)
		before, least := heap(), int64(math.MaxInt64)
		for range 3 { // what the runtime keeps for a while is not always the same
			if _, err := l.LoadAll(t.Context(), test.keys); err != nil {
				t.Fatal(err)
			}
			if test.then != nil {
				test.then(l)
			}
			least = min(least, heap()-before)
		}
		if least > 5*n {
			t.Errorf("%s: %d bytes more after %d keys", name, least, n)
		}
		runtime.KeepAlive(l)
	}
}

func TestLoadAllFillsFetchesToMaxSize(t *testing.T) {
	var s source
	l := loader.New(s.fetch, options(batcher.Options{MaxSize: 3}))
	if _, err := l.LoadAll(t.Context(), []int{1, 2, 3, 4, 5, 6, 7}); err != nil {
		t.Fatal(err)
	}
	s.wants(t, []int{1, 2, 3}, []int{4, 5, 6}, []int{7})
}

// Two LoadAlls at once hold each other's fetches back for a moment; neither
// may lose a start.
func TestConcurrentLoadAllsAllReturn(t *testing.T) {
	var s source
	opts := loader.Options[int, string]{NoCache: true}
	opts.Batch.MaxConcurrent = 3
	l := loader.New(s.fetch, opts)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 100 {
				if values, err := l.LoadAll(t.Context(), []int{g, i, g + i}); err != nil || values[2] != fmt.Sprint("v", g+i) {
					t.Errorf("LoadAll = %q, %v", values, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestMissingKeyIsNamed(t *testing.T) {
	l := loader.New(func(context.Context, []string) (map[string]int, error) { return nil, nil },
		loader.Options[string, int]{})
	_, err := l.Load(t.Context(), "grace")
	if !errors.Is(err, loader.ErrNotFound) || !strings.Contains(err.Error(), "grace") {
		t.Errorf("the error is %v, want ErrNotFound naming the key", err)
	}
}

// An error for a key may be wrapped, and a nil one is none.
func TestErrorsFailSingleKeys(t *testing.T) {
	boom := errors.New("boom")
	l := loader.New(func(context.Context, []int) (map[int]string, error) {
		return map[int]string{1: "one", 2: "two"}, fmt.Errorf("query: %w", loader.Errors[int]{2: boom, 1: nil})
	}, loader.Options[int, string]{})
	loads(t, l, 1, "one")
	if value, err := l.Load(t.Context(), 2); value != "" || err != boom {
		t.Errorf("Load(2) = %q, %v, want boom", value, err)
	}
	if _, err := l.Load(t.Context(), 3); !errors.Is(err, loader.ErrNotFound) {
		t.Errorf("Load(3): %v, want ErrNotFound", err)
	}
	peeks(t, l, 2, "") // not even though another fetch brought a value beside its error
}

// The other error types that a fetch might return by mistake stay whole: an
// aligned error must not turn into a success without a value.
func TestAnyOtherErrorFailsTheWholeFetch(t *testing.T) {
	for _, failure := range []error{errors.New("boom"), batcher.Errors{nil, nil}, loader.Errors[string]{"1": nil}} {
		l := loader.New(func(context.Context, []int) (map[int]string, error) {
			return map[int]string{1: "one", 2: "two", 3: "three"}, failure
		}, loader.Options[int, string]{})
		_, err := l.LoadAll(t.Context(), []int{1, 2})
		var errs batcher.Errors
		if !errors.As(err, &errs) || len(errs) != 2 || errs[0] == nil || errs[0].Error() != failure.Error() || errs[1] == nil {
			t.Errorf("the error is %#v, want %v for each key", err, failure)
		}
		peeks(t, l, 3, "")
	}
}

func TestExtraKeysWarmTheCache(t *testing.T) {
	var asked [][]int
	l := loader.New(func(_ context.Context, keys []int) (map[int]string, error) {
		asked = append(asked, keys)
		return map[int]string{1: "one", 2: "two", 3: "three"}, nil
	}, loader.Options[int, string]{})
	l.Prime(3, "primed")
	loads(t, l, 1, "one")
	loads(t, l, 2, "two")
	loads(t, l, 3, "primed")
	if len(asked) != 1 {
		t.Errorf("fetched %v, want one fetch", asked)
	}
}

func TestPrimeNeverOverwrites(t *testing.T) {
	var s source
	l := loader.New(s.fetch, loader.Options[int, string]{})
	l.Prime(1, "first")
	l.Prime(1, "second")
	loads(t, l, 1, "first")
	loads(t, l, 2, "v2")
	l.Prime(2, "late")
	loads(t, l, 2, "v2")
	l.Clear(2)
	l.Prime(2, "replaced")
	loads(t, l, 2, "replaced")
}

func TestPrimeOfAKeyInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := source{takes: time.Second}
		l := loader.New(s.fetch, loader.Options[int, string]{})
		var wg sync.WaitGroup
		at(&wg, 0, func() { loads(t, l, 1, "v1") })
		at(&wg, 500*time.Millisecond, func() {
			l.Prime(1, "primed")
			start := time.Now()
			loads(t, l, 1, "primed")
			if waited := time.Since(start); waited != 0 {
				t.Errorf("the Load of a primed key waited %v", waited)
			}
		})
		wg.Wait()
		loads(t, l, 1, "primed") // a cached value does not change by itself
		s.wants(t, []int{1})
	})
}

func TestPeekFetchesNothing(t *testing.T) {
	var s source
	l := loader.New(s.fetch, loader.Options[int, string]{})
	peeks(t, l, 1, "")
	loads(t, l, 1, "v1")
	peeks(t, l, 1, "v1")
	s.wants(t, []int{1})
}

// NaN is not equal to itself: no map of values could ever hold its answer, and
// no cache could ever drop it.
func TestNaNIsNeverFound(t *testing.T) {
	nan := func() float64 { var zero float64; return zero / zero }()
	l := loader.New(func(context.Context, []float64) (map[float64]int, error) {
		t.Error("fetched NaN")
		return nil, nil
	}, loader.Options[float64, int]{})
	l.Prime(nan, 1)
	if _, err := l.Load(t.Context(), nan); !errors.Is(err, loader.ErrNotFound) || !strings.Contains(err.Error(), "NaN") {
		t.Errorf("Load(NaN): %v, want ErrNotFound naming the key", err)
	}
	if n := loader.Underway(l); n != 0 {
		t.Errorf("the Loader holds %d keys that nobody can load", n)
	}
}

type heavy string

func (h heavy) Weight() int { return len(h) }

// As in a Batcher, a key whose type is an interface may have a weight, and others
// beside it weigh 1.
func TestKeysOfSeveralTypesWithAWeight(t *testing.T) {
	var asked [][]any
	l := loader.New(func(_ context.Context, keys []any) (map[any]int, error) {
		asked = append(asked, slices.Clone(keys))
		return map[any]int{heavy("aaa"): 1, "plain": 2, "other": 3}, nil
	}, loader.Options[any, int]{Batch: batcher.Options{MaxWeight: 4}})
	_, err := l.LoadAll(t.Context(), []any{"plain", heavy("aaa"), heavy("ccccc"), "other"})
	var errs batcher.Errors
	if !errors.As(err, &errs) || errs[0] != nil || errs[1] != nil || !errors.Is(errs[2], batcher.ErrTooHeavy) || errs[3] != nil {
		t.Errorf("the error is %v, want ErrTooHeavy for the third key alone", err)
	}
	if want := [][]any{{"plain", heavy("aaa")}, {"other"}}; !slices.EqualFunc(asked, want, slices.Equal) {
		t.Errorf("fetched %v, want %v", asked, want)
	}
}

func TestKeysWithAWeight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked [][]heavy
		opts := loader.Options[heavy, int]{Batch: batcher.Options{MaxWeight: 4}}
		l := loader.New(func(_ context.Context, keys []heavy) (map[heavy]int, error) {
			asked = append(asked, slices.Clone(keys))
			return map[heavy]int{"aa": 1, "bb": 2, "c": 3}, nil
		}, opts)
		for range 2 { // the refusal is not kept
			_, err := l.LoadAll(t.Context(), []heavy{"aa", "bb", "ccccc", "c"})
			var errs batcher.Errors
			if !errors.As(err, &errs) || !errors.Is(errs[2], batcher.ErrTooHeavy) || errs[3] != nil {
				t.Fatalf("the error is %v, want ErrTooHeavy for the third key", err)
			}
		}
		if want := [][]heavy{{"aa", "bb"}, {"c"}}; !slices.EqualFunc(asked, want, slices.Equal) {
			t.Errorf("fetched %q, want %q", asked, want)
		}
	})
}

// Room that is made for many keys is given back when there turn out to be few,
// and they stay.
func TestManyEqualKeysAreKeptAsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := source{takes: time.Second}
		l := loader.New(s.fetch, options(batcher.Options{}))
		for range 2 {
			if values, err := l.LoadAll(t.Context(), make([]int, 5000)); err != nil || values[4999] != "v0" {
				t.Errorf("LoadAll ends with %q, %v", values[len(values)-1], err)
			}
		}
		peeks(t, l, 0, "v0")
		s.wants(t, []int{0})
	})
}
