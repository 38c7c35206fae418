package loader

import (
	"context"
	"reflect"

	"github.com/gobatcher/batcher"
)

// weighed is a call with its key's weight, if the key may be a batcher.Weigher.
// Other calls go to a Batcher as they are, since it would note every weight: 24
// bytes a key, each time to say 1.
type weighed[K comparable, V any] struct {
	*call[K, V]
	weight int
}

func (w weighed[K, V]) Weight() int { return w.weight }

// mayWeigh reports whether keys may have a weight: if K is an interface, some may.
func mayWeigh[K comparable]() bool {
	t := reflect.TypeFor[K]()
	return t.Kind() == reflect.Interface || t.Implements(reflect.TypeFor[batcher.Weigher]())
}

// weigh asks the key of c for its weight, in the goroutine that loads it: Weight
// is foreign code and may panic.
func (l *Loader[K, V]) weigh(c *call[K, V]) weighed[K, V] {
	w := weighed[K, V]{call: c, weight: 1}
	if !l.weighs {
		return w
	}
	if key, ok := any(c.key).(batcher.Weigher); ok {
		w.weight = key.Weight()
	}
	return w
}

// newBatcher makes the Batcher of l, and returns its Submit.
func (l *Loader[K, V]) newBatcher(opts batcher.Options) func(context.Context, weighed[K, V]) batcher.Future[V] {
	if !l.weighs {
		b := batcher.New(l.run, opts)
		return func(ctx context.Context, w weighed[K, V]) batcher.Future[V] { return b.Submit(ctx, w.call) }
	}
	return batcher.New(func(ctx context.Context, reqs []weighed[K, V]) ([]V, error) {
		calls := make([]*call[K, V], len(reqs))
		for i, req := range reqs {
			calls[i] = req.call
		}
		return l.run(ctx, calls)
	}, opts).Submit
}
