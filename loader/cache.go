package loader

import "github.com/gobatcher/batcher"

// Cache keeps what a [Loader] has fetched: a value, or with CacheErrors an
// error, as a batcher.Result. It may drop anything at any time, so the bounded
// cache of any library can be adapted with four short methods.
//
// The Loader calls one method at a time, with its lock held, since looking and
// storing must be one step: a Cache needs no lock of its own unless others use
// it too. It must be quick (memory, not a network: that belongs in Fetch) and
// must not call the Loader. If others change a Cache behind the Loader's back,
// Clear covers only the Loader's own fetches.
type Cache[K comparable, V any] interface {
	// Get returns what is cached for key, if anything is.
	Get(key K) (batcher.Result[V], bool)
	// Set caches r for key in place of what was cached.
	Set(key K, r batcher.Result[V])
	// Delete forgets key.
	Delete(key K)
	// Clear forgets all keys.
	Clear()
}

// none is the Cache of NoCache.
type none[K comparable, V any] struct{}

func (none[K, V]) Get(K) (r batcher.Result[V], ok bool) { return r, false }
func (none[K, V]) Set(K, batcher.Result[V])             {}
func (none[K, V]) Delete(K)                             {}
func (none[K, V]) Clear()                               {}
