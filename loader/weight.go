package loader

import (
	"context"
	"reflect"

	"github.com/gobatcher/batcher"
)

// weighed is a call whose key is a batcher.Weigher. Plain calls are none, as
// the Batcher would note every weight: 24 bytes a key, to say 1.
type weighed[K comparable, V any] struct{ *call[K, V] }

func (w weighed[K, V]) Weight() int { return any(w.key).(batcher.Weigher).Weight() }

// newBatcher makes the Batcher of l, and gives its Submit.
func (l *Loader[K, V]) newBatcher(opts batcher.Options) func(context.Context, *call[K, V]) batcher.Future[V] {
	if !reflect.TypeFor[K]().Implements(reflect.TypeFor[batcher.Weigher]()) {
		return batcher.New(l.run, opts).Submit
	}
	b := batcher.New(func(ctx context.Context, reqs []weighed[K, V]) ([]V, error) {
		calls := make([]*call[K, V], len(reqs))
		for i, req := range reqs {
			calls[i] = req.call
		}
		return l.run(ctx, calls)
	}, opts)
	return func(ctx context.Context, c *call[K, V]) batcher.Future[V] {
		return b.Submit(ctx, weighed[K, V]{c})
	}
}
