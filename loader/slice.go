package loader

import (
	"context"
	"fmt"

	"github.com/gobatcher/batcher"
)

// Slice makes a [Fetch] of a function that answers by position: values[i]
// belongs to keys[i], whose order it must leave alone. Prefer a map where you
// write the function yourself: rows come back in another order, and fewer.
//
// If the number of values differs from that of keys, all keys fail with
// batcher.ErrResultCount, whose text has both numbers. To fail single keys
// the function returns a batcher.Errors aligned with keys ([ErrNotFound] for
// one that does not exist), which may be wrapped; there must still be a value,
// whatever it is, for each key, unless all have failed. Slice panics if fetch
// is nil.
func Slice[K comparable, V any](fetch func(ctx context.Context, keys []K) ([]V, error)) Fetch[K, V] {
	if fetch == nil {
		panic("loader: Slice: fetch is nil")
	}
	return func(ctx context.Context, keys []K) (map[K]V, error) {
		values, err := fetch(ctx, keys)
		each, single := as[batcher.Errors](err)
		switch {
		case err != nil && !single:
			return nil, err
		case err != nil && len(each) != len(keys):
			return nil, fmt.Errorf("loader: %w: %d errors for %d keys: %v", batcher.ErrResultCount, len(each), len(keys), err)
		}
		return byKey(keys, values, each)
	}
}

// byKey makes a map of values and, unless it is nil, of each.
func byKey[K comparable, V any](keys []K, values []V, each batcher.Errors) (map[K]V, error) {
	var miscount error
	if len(values) != len(keys) {
		miscount = fmt.Errorf("loader: %w: %d values for %d keys", batcher.ErrResultCount, len(values), len(keys))
	}
	found, failed := make(map[K]V, len(keys)), Errors[K]{}
	for i, key := range keys {
		switch {
		case each != nil && each[i] != nil:
			failed[key] = each[i]
		case miscount != nil:
			failed[key] = miscount
		default:
			found[key] = values[i]
		}
	}
	if len(failed) == 0 {
		return found, nil
	}
	return found, failed
}
