package workload

import (
	"context"
	"fmt"
	"strconv"

	"github.com/gobatcher/batcher/loader"
	"github.com/graph-gophers/dataloader/v7"
)

// runLoad has one caller load n keys that nobody has loaded before: the shape of dataloader's own benchmark, which does not wait for
// the answers. The Loader's time counts until all answers are there and checked.
func runLoad(c Cell, b Budget) (Result, error) {
	pass := loadAll
	switch c.Subject {
	case BatcherLoader:
	case DataloaderLoad:
		pass = loadUnwaited
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
	before := count.read()
	values, err := l.LoadAll(context.Background(), keys)
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
