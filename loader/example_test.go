package loader_test

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/loader"
)

// capitals stands for a table of a database.
var capitals = map[string]string{"fr": "Paris", "it": "Rome", "pt": "Lisbon"}

// capitalsOf stands for a query: SELECT ... WHERE country IN (keys).
func capitalsOf(_ context.Context, keys []string) (map[string]string, error) {
	found := map[string]string{}
	for _, key := range keys {
		if capital, ok := capitals[key]; ok {
			found[key] = capital
		}
	}
	return found, nil
}

// Resolvers that run at the same time load one key each; the Loader fetches
// them together, and each distinct key once.
func ExampleLoader_Load() {
	l := loader.New(capitalsOf, loader.Options[string, string]{})
	trips := []string{"fr", "it", "fr", "pt"}
	names := make([]string, len(trips))
	var resolvers sync.WaitGroup
	for i, country := range trips {
		resolvers.Go(func() {
			capital, err := l.Load(context.Background(), country)
			if err != nil {
				fmt.Println(err)
			}
			names[i] = capital
		})
	}
	resolvers.Wait()
	fmt.Println(names)
	// Output:
	// [Paris Rome Paris Lisbon]
}

// LoadAll answers in the order of its keys, and so do its errors.
func ExampleLoader_LoadAll() {
	l := loader.New(capitalsOf, loader.Options[string, string]{})
	names, err := l.LoadAll(context.Background(), []string{"pt", "xx", "fr"})
	fmt.Printf("%q\n", names)
	var errs batcher.Errors
	if errors.As(err, &errs) {
		fmt.Println(errs[0], errs[1], errs[2])
	}
	fmt.Println(errors.Is(err, loader.ErrNotFound))
	// Output:
	// ["Lisbon" "" "Paris"]
	// <nil> loader: not found: key xx <nil>
	// true
}

// A fetch can fail some keys and answer the others.
func ExampleErrors() {
	l := loader.New(func(ctx context.Context, keys []string) (map[string]string, error) {
		return map[string]string{"fr": "Paris"}, loader.Errors[string]{"it": errors.New("shard 2 is down")}
	}, loader.Options[string, string]{})
	names, err := l.LoadAll(context.Background(), []string{"fr", "it"})
	fmt.Printf("%q %v\n", names, err)
	// Output:
	// ["Paris" ""] batcher: 1 of 2 requests failed, the first with: shard 2 is down
}

// A client that answers by position: one value for each key.
func ExampleSlice() {
	lengths := func(_ context.Context, words []string) ([]int, error) {
		values := make([]int, len(words))
		for i, word := range words {
			values[i] = len(word)
		}
		return values, nil
	}
	l := loader.New(loader.Slice(lengths), loader.Options[string, int]{})
	fmt.Println(l.LoadAll(context.Background(), []string{"one", "three"}))
	// Output:
	// [3 5] <nil>
}

// What you already hold need not be fetched.
func ExampleLoader_Prime() {
	l := loader.New(capitalsOf, loader.Options[string, string]{})
	l.Prime("es", "Madrid") // a row that another query brought
	fmt.Println(l.Load(context.Background(), "es"))
	// Output:
	// Madrid <nil>
}

// After a write the old value is stale: clear it, or clear it and put the new
// one in its place.
func ExampleLoader_Clear() {
	table := map[string]int{"visits": 1}
	l := loader.New(func(_ context.Context, keys []string) (map[string]int, error) { return table, nil },
		loader.Options[string, int]{})
	fmt.Println(l.Load(context.Background(), "visits"))

	table["visits"] = 2
	l.Clear("visits")
	fmt.Println(l.Load(context.Background(), "visits"))

	table["visits"] = 3
	l.Clear("visits")
	l.Prime("visits", 3)
	fmt.Println(l.Peek("visits"))
	// Output:
	// 1 <nil>
	// 2 <nil>
	// 3 true
}

// Remember which keys do not exist, but ask again after any other failure.
func ExampleOptions_cacheErrors() {
	queries := 0
	l := loader.New(func(ctx context.Context, keys []string) (map[string]string, error) {
		queries++
		return capitalsOf(ctx, keys)
	}, loader.Options[string, string]{
		CacheErrors: func(err error) bool { return errors.Is(err, loader.ErrNotFound) },
	})
	for range 3 {
		_, err := l.Load(context.Background(), "xx")
		fmt.Println(err, "after", queries, "query")
	}
	// Output:
	// loader: not found: key xx after 1 query
	// loader: not found: key xx after 1 query
	// loader: not found: key xx after 1 query
}
