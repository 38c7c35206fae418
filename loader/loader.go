package loader

import (
	"context"
	"fmt"
	"sync"

	"github.com/gobatcher/batcher"
)

// Fetch loads many keys at once: it is the query behind a [Loader].
//
// It returns a map with the values that it found. Loads of a key without an
// entry fail with [ErrNotFound]. Entries for keys that were not asked for warm
// the cache. An error, also a batcher.Errors, fails every key of the fetch,
// except that an [Errors], which may be wrapped, fails only the keys that it
// names. A panic is a *batcher.PanicError to all callers that wait, and is not
// cached.
//
// keys holds each key once and belongs to Fetch; only a key whose Load was ended
// by a panic of Options.Batch.Go may be in it a second time. The map is read
// when Fetch has returned, and not kept. Fetch may be called from several
// goroutines at once unless Options.Batch.MaxConcurrent is 1 or zero.
//
// A Fetch must not load from its own Loader: the keys wait for the next fetch,
// and that waits for this one where all slots are taken.
//
// ctx belongs to no caller: it has no deadline, and it ends when every caller
// that waits for any of keys has left. With batcher.FromContext its Info can be
// read; each of Info.Requests has the values of the context of the Load that
// first asked for that key, but does not end with it.
type Fetch[K comparable, V any] func(ctx context.Context, keys []K) (map[K]V, error)

// Loader loads values by key: keys that are loaded at the same time share one
// fetch, equal keys share one place in it, and what was fetched is cached. Keys
// are those of a map: one that cannot be hashed panics, and one that does not
// equal itself (NaN) is [ErrNotFound], without a fetch, and never cached. All
// methods are safe for concurrent use. The zero Loader is not usable; make one
// with [New]. A Loader that loads nothing owns no goroutine and no timer, so
// there is nothing to close.
type Loader[K comparable, V any] struct {
	fetch   Fetch[K, V]
	submit  func(context.Context, weighed[K, V]) batcher.Future[V] // a Batcher's
	keep    func(error) bool                                       // Options.CacheErrors
	bounded bool                                                   // Submit may wait for room
	weighs  bool                                                   // keys have a weight
	starts  starter

	mu      sync.Mutex // guards what follows, and every call and flight
	table   table[K, V]
	flights map[*flight[K, V]]struct{}
	queued  map[*call[K, V]]context.CancelFunc // in the line for room; takes them out of it
}

// New makes a Loader that loads its values with fetch. It panics if fetch is
// nil or opts.Validate fails.
func New[K comparable, V any](fetch Fetch[K, V], opts Options[K, V]) *Loader[K, V] {
	if fetch == nil {
		panic("loader: New: fetch is nil")
	}
	if err := opts.Validate(); err != nil {
		panic(fmt.Errorf("loader: New: %w", err))
	}
	l := &Loader[K, V]{
		fetch:   fetch,
		keep:    opts.CacheErrors,
		bounded: opts.Batch.MaxPending > 0,
		weighs:  mayWeigh[K](),
		table:   table[K, V]{entries: map[K]*entry[K, V]{}, cache: opts.cache()},
		flights: map[*flight[K, V]]struct{}{},
		queued:  map[*call[K, V]]context.CancelFunc{},
	}
	if opts.Batch.Go == nil && !l.bounded { // a Submit that waits for room needs fetches to start
		opts.Batch.Go = l.starts.start
	}
	l.submit = l.newBatcher(opts.Batch)
	return l
}

// Load returns the value of key: from the cache, from a fetch that is under way
// for it, or from the next fetch, for which it waits. When ctx ends, Load
// returns ctx's cause at once; others that wait for key go on waiting, and if
// there are none, key is no longer fetched. A cached answer is returned whether
// or not ctx has ended.
//
// The error is [ErrNotFound], the error that the fetch gave this key, or, if the
// key alone exceeds MaxWeight, batcher.ErrTooHeavy.
func (l *Loader[K, V]) Load(ctx context.Context, key K) (V, error) {
	answer, c, first := l.ask(key, causeOf(ctx))
	if c == nil {
		return answer.Value, answer.Err
	}
	if first {
		l.start(ctx, c)
	}
	return l.wait(ctx, c)
}

// LoadAll is Load for many keys at once: it waits for all of them and returns
// their values in the order of keys, which may repeat. Keys that an idle
// Loader has to fetch go into one fetch, as far as MaxSize and MaxWeight allow
// (unless MaxPending or Go is set). A Loader that has just answered its last
// fetch may take a moment to become idle.
//
// If any key fails, the error is a batcher.Errors aligned with keys: nil for a
// key that was loaded; the value of one that failed is the zero V. keys and the
// values are the caller's.
func (l *Loader[K, V]) LoadAll(ctx context.Context, keys []K) ([]V, error) {
	b := l.begin(ctx, keys)
	defer l.abandon(b) // where ctx panics, the calls after that
	for i, c := range b.calls {
		if c != nil {
			b.calls[i] = nil
			value, err := l.wait(ctx, c)
			b.answer(i, value, err)
		}
	}
	return b.values, b.err()
}

// Peek returns the cached value of key, if there is one. It fetches nothing and
// does not wait. A cached error does not count as a value.
func (l *Loader[K, V]) Peek(key K) (value V, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	answer, ok := l.table.cachedFor(key)
	if !ok || answer.Err != nil {
		return value, false
	}
	return answer.Value, true
}

// Prime caches value for key unless a value is cached already, which it never
// overwrites; a cached error does not count as one. To replace a value, Clear
// it first. If the key is being fetched, loads that wait get what the fetch
// returns, and later loads get value.
func (l *Loader[K, V]) Prime(key K, value V) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.table.store(key, batcher.Result[V]{Value: value})
}

// Clear makes everything known of key stale from now on: the cached answer, and
// the outcome of a fetch that has begun, which still answers the loads that wait
// but is not cached. The next Load of key fetches it again. A fetch that has not
// begun will see the data as it is after the Clear, so it stays shared.
func (l *Loader[K, V]) Clear(key K) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.table.forget(key)
	for f := range l.flights {
		f.clear(key)
	}
}

// ClearAll is Clear for all keys.
func (l *Loader[K, V]) ClearAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.table.forgetAll()
	for f := range l.flights {
		f.stale = true
	}
}

// valuesOf returns a context that has the values of ctx and never ends.
func valuesOf(ctx context.Context) context.Context {
	if ctx.Done() == nil {
		return ctx
	}
	return context.WithoutCancel(ctx)
}

// causeOf says why ctx ended, nil if it has not.
func causeOf(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return context.Cause(ctx)
}
