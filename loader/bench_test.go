package loader_test

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gobatcher/batcher/loader"
)

// identity answers every key with itself and counts the fetches.
type identity struct{ fetches atomic.Int64 }

func (f *identity) fetch(_ context.Context, keys []string) (map[string]string, error) {
	f.fetches.Add(1)
	found := make(map[string]string, len(keys))
	for _, key := range keys {
		found[key] = key
	}
	return found, nil
}

// report tells the mean size of a fetch.
func (f *identity) report(b *testing.B) {
	b.ReportMetric(float64(b.N)/float64(f.fetches.Load()), "keys/fetch")
}

// BenchmarkLoadAll is what loaders are usually measured by: one caller asks for
// a row of keys that nobody has asked for before, page by page.
func BenchmarkLoadAll(b *testing.B) {
	for _, page := range []int{10, 100, 1000, 10000} {
		b.Run(strconv.Itoa(page), func(b *testing.B) {
			b.ReportAllocs()
			var f identity
			l := loader.New(f.fetch, loader.Options[string, string]{})
			keys := make([]string, 0, page)
			for i := range b.N {
				keys = append(keys, strconv.Itoa(i))
				if len(keys) < page && i+1 < b.N {
					continue
				}
				if _, err := l.LoadAll(b.Context(), keys); err != nil {
					b.Fatal(err)
				}
				keys = keys[:0]
			}
			f.report(b)
		})
	}
}

// BenchmarkLoad has callers load one new key after the other.
func BenchmarkLoad(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(strconv.Itoa(callers), func(b *testing.B) {
			b.ReportAllocs()
			var f identity
			l := loader.New(f.fetch, loader.Options[string, string]{})
			ctx := context.Background()
			var wg sync.WaitGroup
			for caller := range callers {
				wg.Go(func() {
					for i := caller; i < b.N; i += callers {
						if _, err := l.Load(ctx, strconv.Itoa(i)); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
			f.report(b)
		})
	}
}

// BenchmarkLoadCached loads one key again and again.
func BenchmarkLoadCached(b *testing.B) {
	b.ReportAllocs()
	var f identity
	l := loader.New(f.fetch, loader.Options[string, string]{})
	for b.Loop() {
		if _, err := l.Load(b.Context(), "key"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRequest is the life of a loader that serves one request: 20 goroutines
// load 5 keys each, half of which another one wants too.
func BenchmarkRequest(b *testing.B) {
	b.ReportAllocs()
	var f identity
	keys := make([]string, 55)
	for i := range keys {
		keys[i] = strconv.Itoa(i)
	}
	for b.Loop() {
		l := loader.New(f.fetch, loader.Options[string, string]{})
		var wg sync.WaitGroup
		for g := range 20 {
			wg.Go(func() {
				if _, err := l.LoadAll(b.Context(), keys[g*5/2:][:5]); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
	}
}
