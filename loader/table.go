package loader

import (
	"maps"

	"github.com/gobatcher/batcher"
)

// table is what a Loader knows of each key: its answer, and the call under way
// for it. With the default cache both are in one entry, and a load costs two
// operations on a map that may be large; with a cache besides a map of calls it
// would cost six. Loader.mu guards it.
type table[K comparable, V any] struct {
	entries map[K]*entry[K, V]
	most    int         // how many keys entries has room for, as of the last expect or drop
	cache   Cache[K, V] // if not nil, it holds the answers
}

// mostKept is for how many keys a table keeps room that it does not need. A map
// does not shrink when keys are deleted, and ranging over it takes as long as
// before.
const mostKept = 1024

// entry is what is known of one key. One that says nothing is not kept.
type entry[K comparable, V any] struct {
	call   *call[K, V] // the one that a Load joins, or nil
	cached bool        // answer is one; never with a Cache
	answer batcher.Result[V]
}

// cachedFor returns what is cached for key, if anything is.
func (t *table[K, V]) cachedFor(key K) (answer batcher.Result[V], cached bool) {
	if t.cache != nil {
		return t.cache.Get(key)
	}
	if e := t.entries[key]; e != nil {
		return e.answer, e.cached
	}
	return answer, false
}

// find returns what is cached for key, else the call under way, if there is one.
func (t *table[K, V]) find(key K) (answer batcher.Result[V], cached bool, c *call[K, V]) {
	if t.cache != nil {
		if answer, cached = t.cache.Get(key); cached {
			return answer, true, nil
		}
	}
	e := t.entries[key]
	switch {
	case e == nil:
		return answer, false, nil
	case e.cached:
		return e.answer, true, nil
	}
	return answer, false, e.call
}

// expect makes room for n keys if there are none yet: without it a LoadAll of
// 1,000 to 1,000,000 new keys takes a third longer. It reports whether fit must
// be called once they are listed.
func (t *table[K, V]) expect(n int) bool {
	if len(t.entries) > 0 || t.cache != nil {
		return false
	}
	t.entries, t.most = make(map[K]*entry[K, V], n), n
	return n > mostKept
}

// fit gives back room that is not needed, after many of the keys given to expect
// were equal, or most keys were dropped.
func (t *table[K, V]) fit() {
	if t.most <= mostKept || len(t.entries) > t.most/4 {
		return
	}
	fitting := make(map[K]*entry[K, V], len(t.entries))
	maps.Copy(fitting, t.entries)
	t.entries, t.most = fitting, len(fitting)
}

// list makes c the call for its key, where find has found nothing, and e the
// entry for both.
func (t *table[K, V]) list(c *call[K, V], e *entry[K, V]) {
	e.call, c.entry = c, e
	t.entries[c.key] = e
}

// unlist makes the next Load of c's key start another call.
func (t *table[K, V]) unlist(c *call[K, V]) {
	e := c.entry
	if e == nil {
		return
	}
	e.call, c.entry = nil, nil
	if !e.cached {
		t.drop(c.key)
	}
}

// drop deletes key's entry.
func (t *table[K, V]) drop(key K) {
	t.most = max(t.most, len(t.entries))
	delete(t.entries, key)
	if len(t.entries) == 0 {
		t.fit()
	}
}

// settle caches c's answer. The caller unlists c.
func (t *table[K, V]) settle(c *call[K, V], answer batcher.Result[V]) {
	if e := c.entry; e != nil && t.cache == nil {
		e.store(answer)
	} else {
		t.store(c.key, answer)
	}
}

// store caches an answer for key, unless something better is cached.
func (t *table[K, V]) store(key K, answer batcher.Result[V]) {
	if key != key { // NaN: no map would ever give it back
		return
	}
	if t.cache != nil {
		if old, cached := t.cache.Get(key); !cached || gives(old, answer) {
			t.cache.Set(key, answer)
		}
		return
	}
	e := t.entries[key]
	if e == nil {
		e = new(entry[K, V])
		t.entries[key] = e
	}
	e.store(answer)
}

func (e *entry[K, V]) store(answer batcher.Result[V]) {
	if !e.cached || gives(e.answer, answer) {
		e.cached, e.answer = true, answer
	}
}

// gives reports whether a cached answer gives way to another: an error does to a
// value, a value never does. So what is cached never flips between two values
// without a Clear, and a late failure evicts nothing.
func gives[V any](old, answer batcher.Result[V]) bool {
	return old.Err != nil && answer.Err == nil
}

// forget makes stale what is cached for key, and a call for it if its fetch has
// begun.
func (t *table[K, V]) forget(key K) {
	if t.cache != nil {
		t.cache.Delete(key)
	}
	if e := t.entries[key]; e != nil {
		t.strip(key, e)
	}
}

// forgetAll is forget for all keys.
func (t *table[K, V]) forgetAll() {
	if t.cache != nil {
		t.cache.Clear()
	}
	for key, e := range t.entries {
		t.strip(key, e)
	}
	t.fit()
}

// strip removes from key's entry all but a call whose fetch has not begun.
func (t *table[K, V]) strip(key K, e *entry[K, V]) {
	e.cached, e.answer = false, batcher.Result[V]{}
	if e.call != nil && e.call.fetching {
		t.unlist(e.call)
	} else if e.call == nil {
		t.drop(key)
	}
}
