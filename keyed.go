package batcher

import (
	"context"
	"fmt"
	"maps"
	"time"
)

// Keyed keeps one open batch for each key: requests of different keys never
// share a batch. Size, weight, delay and minimum hold per key; MaxConcurrent
// and MaxPending hold over all keys. Where several keys have batches waiting
// for a slot, the keys take turns, a batch each. With several slots, batches of
// one key may run at once and overtake one another. A key costs nothing once its
// requests are answered. Keys are those of a map: one that cannot be hashed
// panics, and one that does not equal itself (NaN) is refused with an error.
// All methods are safe for concurrent use. The zero Keyed is not usable; make
// one with [NewKeyed].
type Keyed[K comparable, Req, Res any] struct {
	fn   func(ctx context.Context, key K, reqs []Req) ([]Res, error)
	pool *pool[Req, Res]

	// pool.mu guards what follows.
	keys map[K]*keyBatcher[K, Req, Res] // those that hold a batch
	most int                            // the most that keys has held since it was made
}

// A map does not shrink when keys are deleted. If there were more than mostKept
// keys and fewer than one in sparse is left, a Keyed makes a new map for these:
// that costs little compared with the deletions, and holds the lock for a few
// milliseconds if there were a million.
const (
	mostKept = 1024
	sparse   = 32
)

// keyBatcher is the Batcher of one key.
type keyBatcher[K comparable, Req, Res any] struct {
	Batcher[Req, Res]
	of  *Keyed[K, Req, Res]
	key K
}

func (b *keyBatcher[K, Req, Res]) process(ctx context.Context, reqs []Req) ([]Res, error) {
	return b.of.fn(ctx, b.key, reqs)
}

// NewKeyed makes a Keyed that processes batches with fn, a [Func] that gets the
// batch's key too. It panics if fn is nil or opts.Validate fails.
func NewKeyed[K comparable, Req, Res any](fn func(ctx context.Context, key K, reqs []Req) ([]Res, error), opts Options) *Keyed[K, Req, Res] {
	if fn == nil {
		panic("batcher: NewKeyed: fn is nil")
	}
	k := &Keyed[K, Req, Res]{fn: fn, pool: newOptionsPool[Req, Res]("NewKeyed", opts), keys: make(map[K]*keyBatcher[K, Req, Res])}
	k.pool.vacate, k.pool.all = k.vacate, k.all
	return k
}

// Submit is [Batcher.Submit] for a key.
func (k *Keyed[K, Req, Res]) Submit(ctx context.Context, key K, req Req) Future[Res] {
	if err := k.check(key); err != nil {
		return refused[Res](err)
	}
	e, due, err := k.pool.admit(ctx, req, true)
	if err != nil {
		return k.entrant(e, due, key, req).submit(k.pool, err)
	}
	batch, i := k.of(key).join(e, due, req)
	return batch.claim(e, i, false)
}

// TrySubmit is [Batcher.TrySubmit] for a key.
func (k *Keyed[K, Req, Res]) TrySubmit(ctx context.Context, key K, req Req) Future[Res] {
	if err := k.check(key); err != nil {
		return refused[Res](err)
	}
	e, due, err := k.pool.admit(ctx, req, false)
	if err != nil {
		return refused[Res](err)
	}
	batch, i := k.of(key).join(e, due, req)
	return batch.claim(e, i, true)
}

// Do is [Batcher.Do] for a key.
func (k *Keyed[K, Req, Res]) Do(ctx context.Context, key K, req Req) (res Res, err error) {
	if err := k.check(key); err != nil {
		return res, err
	}
	e, due, err := k.pool.admit(ctx, req, true)
	if err != nil {
		return k.entrant(e, due, key, req).do(k.pool, err)
	}
	batch, i, wake, yields := k.of(key).enlist(e, due, req)
	if yields && batch.yield() {
		return batch.read(i)
	}
	if e.done != nil {
		return batch.within(e, wake, i)
	}
	<-wake
	return batch.collect(i)
}

// check refuses a key that no map can hold, before the lock is taken. It does
// not call pool.admit, which would add to the stack under that.
func (k *Keyed[K, Req, Res]) check(key K) error {
	_ = map[K]struct{}(nil)[key] // its hash may panic
	if key != key {
		return k.pool.reject(fmt.Errorf("batcher: key %v does not equal itself", key))
	}
	return nil
}

// entrant makes an entrant of a request. Inlined, it would add to the stack of
// every caller that waits.
//
//go:noinline
func (k *Keyed[K, Req, Res]) entrant(e entry, due time.Duration, key K, req Req) *entrant[Req, Res] {
	return &entrant[Req, Res]{entry: e, due: due, req: req, of: func() *Batcher[Req, Res] { return k.of(key) }}
}

// of returns the key's Batcher. pool.mu is held.
func (k *Keyed[K, Req, Res]) of(key K) *Batcher[Req, Res] {
	b := k.keys[key]
	if b == nil {
		b = &keyBatcher[K, Req, Res]{of: k, key: key}
		b.on(k.pool, b)
		k.keys[key] = b
		k.most = max(k.most, len(k.keys))
	}
	return &b.Batcher
}

// vacate drops b, which holds no batch. pool.mu is held.
func (k *Keyed[K, Req, Res]) vacate(b *Batcher[Req, Res]) {
	delete(k.keys, b.does.(*keyBatcher[K, Req, Res]).key)
	if k.most > mostKept && len(k.keys) < k.most/sparse {
		keys := make(map[K]*keyBatcher[K, Req, Res], len(k.keys))
		maps.Copy(keys, k.keys)
		k.keys, k.most = keys, len(keys)
	}
}

// Flush starts the key's open batch: see [Batcher.Flush].
func (k *Keyed[K, Req, Res]) Flush(key K) error {
	k.pool.mu.Lock()
	defer k.pool.unlockApart()
	if b := k.keys[key]; b != nil && b.open != nil {
		return b.open.start()
	}
	return nil
}

// Close is [Batcher.Close] for all keys.
func (k *Keyed[K, Req, Res]) Close() error { return k.Shutdown(context.Background()) }

// Shutdown is [Batcher.Shutdown] for all keys.
func (k *Keyed[K, Req, Res]) Shutdown(ctx context.Context) error {
	return k.pool.shutdown(ctx)
}

// all yields every Batcher that holds a batch. pool.mu is held.
func (k *Keyed[K, Req, Res]) all(yield func(*Batcher[Req, Res]) bool) {
	for _, b := range k.keys {
		if !yield(&b.Batcher) {
			return
		}
	}
}

// Stats returns the counters over all keys.
func (k *Keyed[K, Req, Res]) Stats() Stats { return k.pool.snapshot() }

// Len returns the number of keys that hold an open, waiting or running batch.
func (k *Keyed[K, Req, Res]) Len() int {
	k.pool.mu.Lock()
	defer k.pool.mu.Unlock()
	return len(k.keys)
}
