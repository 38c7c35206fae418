package loader

import (
	"context"

	"github.com/gobatcher/batcher"
)

// slab is how many keys a LoadAll looks up before it lets others have the
// lock, and how many calls it allocates at once: with 56 bytes for each, where
// keys are strings, and the allocator's header, this many fill 4 KiB.
const slab = 72

// bulk is one LoadAll.
type bulk[K comparable, V any] struct {
	keys   []K
	values []V            // by key
	errs   batcher.Errors // by key; nil while none has failed
	calls  []*call[K, V]  // by key; nil if it is answered or waited for
	first  []*call[K, V]  // the calls that this bulk made
}

// answer notes the outcome of keys[i].
func (b *bulk[K, V]) answer(i int, value V, err error) {
	b.values[i] = value
	if err == nil {
		return
	}
	if b.errs == nil {
		b.errs = make(batcher.Errors, len(b.keys))
	}
	b.errs[i] = err
}

// err returns the bulk's errors as one.
func (b *bulk[K, V]) err() error {
	if b.errs == nil {
		return nil
	}
	return b.errs
}

// begin answers keys from the cache, joins calls under way for others, and
// starts calls for the rest: all at once, after the last look-up, so that no
// fetch begins with half of them.
func (l *Loader[K, V]) begin(ctx context.Context, keys []K) *bulk[K, V] {
	b := &bulk[K, V]{
		keys:   keys,
		values: make([]V, len(keys)),
		calls:  make([]*call[K, V], len(keys)),
	}
	begun, release := false, func() {}
	defer func() {
		if !begun {
			l.abandon(b)
		}
		release() // last, so that nothing is fetched that was abandoned
	}()
	l.askAll(b, causeOf(ctx))
	if len(b.first) > 0 {
		release = l.starts.hold()
		l.start(ctx, b.first...)
	}
	begun = true
	return b
}

// abandon leaves all calls of b that nobody will wait for: foreign code in a
// LoadAll has panicked, a key's hash or weight, the cache, Options.Go or ctx.
func (l *Loader[K, V]) abandon(b *bulk[K, V]) {
	for _, c := range b.calls {
		if c != nil {
			l.leave(c)
		}
	}
}

// askAll is ask for all keys of b.
func (l *Loader[K, V]) askAll(b *bulk[K, V], refusal error) {
	asked := false
	defer func() {
		if !asked { // the cache panicked, or a key that cannot be hashed
			l.publish(b.first, 0)
		}
	}()
	l.mu.Lock()
	roomy := l.table.expect(len(b.keys))
	l.mu.Unlock()
	for from := 0; from < len(b.keys); from += slab {
		l.askSome(b, refusal, from, min(from+slab, len(b.keys)))
	}
	if roomy {
		l.mu.Lock()
		l.table.fit()
		l.mu.Unlock()
	}
	asked = true
}

// askSome is ask for b.keys[from:to].
func (l *Loader[K, V]) askSome(b *bulk[K, V], refusal error, from, to int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var calls []call[K, V]
	var entries []entry[K, V]
	for i := from; i < to; i++ {
		answer, c, known := l.find(b.keys[i])
		switch {
		case c != nil:
			b.calls[i] = c
		case known:
			b.answer(i, answer.Value, answer.Err)
		case refusal != nil:
			b.answer(i, answer.Value, refusal)
		default:
			if calls == nil {
				calls, entries = make([]call[K, V], to-i), make([]entry[K, V], to-i)
			}
			c, e := &calls[0], &entries[0]
			calls, entries = calls[1:], entries[1:]
			l.list(c, e, b.keys[i])
			b.calls[i] = c
			if len(b.first) == i { // mostly, all are new
				b.first = b.calls[: i+1 : i+1]
			} else {
				b.first = append(b.first, c)
			}
		}
	}
}
