package workload

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/gobatcher/batcher/loader"
	"github.com/graph-gophers/dataloader/v7"
	"github.com/vikstrous/dataloadgen"
)

// runLoad has one caller load n keys that nobody has loaded before: the shape of dataloader's own benchmark, which does not wait for
// the answers. The time of the Loader and of dataloadgen counts until all answers are there and checked.
func runLoad(c Cell, b Budget) (Result, error) {
	pass := loadAll
	switch c.Subject {
	case BatcherLoader:
	case DataloaderLoad:
		pass = loadUnwaited
	case DataloadgenLoad:
		pass = loadBySlice
	default:
		return Result{}, fmt.Errorf("no such subject")
	}
	keys := make([]string, c.Size)
	for i := range keys {
		keys[i] = strconv.Itoa(i)
	}
	return repeat(b.Time, func() (Result, error) { return pass(keys) })
}

func loadAll(keys []string) (Result, error) {
	count := new(counter)
	l := loader.New(func(_ context.Context, keys []string) (map[string]string, error) {
		count.batches.Add(1)
		found := make(map[string]string, len(keys))
		for _, key := range keys {
			found[key] = key
		}
		return found, nil
	}, loader.Options[string, string]{})
	return timeAll(count, l.LoadAll, keys)
}

// loadBySlice uses dataloadgen as it is fastest: what it fetches comes by position, and it waits for no more keys than the caller has handed in by then.
func loadBySlice(keys []string) (Result, error) {
	count := new(counter)
	l := dataloadgen.NewLoader(func(_ context.Context, keys []string) ([]string, []error) {
		count.batches.Add(1)
		return slices.Clone(keys), nil
	}, dataloadgen.WithWait(1))
	return timeAll(count, l.LoadAll, keys)
}

// timeAll measures a LoadAll of keys, each of which is its own value.
func timeAll(count *counter, load func(context.Context, []string) ([]string, error), keys []string) (Result, error) {
	before := count.read()
	values, err := load(context.Background(), keys)
	if err != nil {
		return Result{}, err
	}
	for i, value := range values {
		if value != keys[i] {
			return Result{}, fmt.Errorf("key %s was answered with %s", keys[i], value)
		}
	}
	return count.read().since(before, len(keys)), nil
}

func loadUnwaited(keys []string) (Result, error) {
	count := new(counter)
	l := dataloader.NewBatchedLoader(func(_ context.Context, keys []string) []*dataloader.Result[string] {
		count.batches.Add(1)
		results := make([]*dataloader.Result[string], len(keys))
		for i, key := range keys {
			results[i] = &dataloader.Result[string]{Data: key}
		}
		return results
	})
	ctx := context.Background()
	before := count.read()
	var last dataloader.Thunk[string]
	for _, key := range keys {
		last = l.Load(ctx, key)
	}
	after := count.read()
	value, err := last()
	after.batches = count.batches.Load()
	if err == nil && value != keys[len(keys)-1] {
		err = fmt.Errorf("key %s was answered with %s", keys[len(keys)-1], value)
	}
	return after.since(before, len(keys)), err
}
