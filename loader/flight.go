package loader

import (
	"context"

	"github.com/gobatcher/batcher"
)

// flight is one run of Fetch.
type flight[K comparable, V any] struct {
	calls    []*call[K, V]
	values   []V            // by call
	errs     batcher.Errors // by call; nil if none has failed
	keep     []bool         // by call: whether its error is to be cached; nil if none is
	found    map[K]V        // what Fetch returned
	failed   Errors[K]      // and what it said of single keys
	hits     int            // values that came from found
	resolved bool           // all of the above is set; false if there was a panic

	// Loader.mu guards what follows.
	cleared map[K]struct{} // keys that were cleared since it began
	stale   bool           // all were
}

// run is the Func of the Loader's Batcher. The calls leave the table before
// they are answered, whatever Fetch does, so that a Load after a panic starts
// afresh.
func (l *Loader[K, V]) run(ctx context.Context, calls []*call[K, V]) ([]V, error) {
	f := &flight[K, V]{calls: calls, values: make([]V, len(calls))}
	keys := l.takeOff(f)
	defer l.land(f)
	found, err := l.fetch(ctx, keys)
	l.resolve(ctx, f, found, err)
	if f.errs == nil {
		return f.values, nil
	}
	return f.values, f.errs
}

// takeOff begins f: from now on a Clear makes stale what it brings.
func (l *Loader[K, V]) takeOff(f *flight[K, V]) []K {
	keys := make([]K, len(f.calls))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flights[f] = struct{}{}
	for i, c := range f.calls {
		c.fetching = true
		keys[i] = c.key
	}
	return keys
}

// resolve gives each call its outcome.
func (l *Loader[K, V]) resolve(ctx context.Context, f *flight[K, V], found map[K]V, err error) {
	failed, single := as[Errors[K]](err)
	if err == nil || single {
		f.found, f.failed, err = found, failed, nil
	}
	for i, c := range f.calls {
		if err != nil {
			l.fail(ctx, f, i, err)
		} else if err := f.failed[c.key]; err != nil {
			l.fail(ctx, f, i, err)
		} else if value, ok := found[c.key]; ok {
			f.values[i] = value
			f.hits++
		} else {
			l.fail(ctx, f, i, missing[K]{c.key})
		}
	}
	f.resolved = true
}

// fail notes that call i of f failed with err. Once ctx, Fetch's, has ended, no
// error is cached: a driver may report that end in words of its own
// ("interrupted"), and a missing key may just not have been reached.
func (l *Loader[K, V]) fail(ctx context.Context, f *flight[K, V], i int, err error) {
	if f.errs == nil {
		f.errs = make(batcher.Errors, len(f.calls))
	}
	f.errs[i] = err
	if l.keep == nil || fleeting(err) || ctx.Err() != nil || !l.keep(err) {
		return
	}
	if f.keep == nil {
		f.keep = make([]bool, len(f.calls))
	}
	f.keep[i] = true
}

// land ends f and caches what it brought. If the Cache panics, so does Func,
// and callers take their calls out of the table when they leave.
func (l *Loader[K, V]) land(f *flight[K, V]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.flights, f)
	for i, c := range f.calls {
		if answer, ok := f.answer(i); ok && !f.forgets(c.key) {
			l.table.settle(c, answer)
		}
		l.table.unlist(c)
	}
	l.keepExtra(f)
}

// keepExtra caches the values that nobody asked for. l.mu is held.
func (l *Loader[K, V]) keepExtra(f *flight[K, V]) {
	if !f.resolved || len(f.found) == f.hits {
		return
	}
	for key, value := range f.found {
		if f.failed[key] == nil && !f.forgets(key) {
			l.table.store(key, batcher.Result[V]{Value: value})
		}
	}
}

// answer returns call i's answer if it is to be cached.
func (f *flight[K, V]) answer(i int) (answer batcher.Result[V], ok bool) {
	if !f.resolved {
		return answer, false
	}
	if f.errs == nil || f.errs[i] == nil {
		return batcher.Result[V]{Value: f.values[i]}, true
	}
	return batcher.Result[V]{Err: f.errs[i]}, f.keep != nil && f.keep[i]
}

// clear makes stale what f brings for key. Loader.mu is held.
func (f *flight[K, V]) clear(key K) {
	if f.cleared == nil {
		f.cleared = map[K]struct{}{}
	}
	f.cleared[key] = struct{}{}
}

// forgets reports whether what f brings for key is stale. Loader.mu is held.
func (f *flight[K, V]) forgets(key K) bool {
	_, cleared := f.cleared[key]
	return cleared || f.stale
}
