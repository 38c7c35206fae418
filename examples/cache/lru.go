package main

import (
	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/gobatcher/batcher"
)

// lru is a loader.Cache that drops what was not used for longest. A Loader
// calls its Cache with its own lock held, so simplelru, which has no lock,
// does: with lru.Cache, of the same library, every load would take two. Get is
// simplelru's own.
type lru[K comparable, V any] struct {
	*simplelru.LRU[K, batcher.Result[V]]
}

// newLRU makes a cache for size keys. It fails if size is not positive.
func newLRU[K comparable, V any](size int) (lru[K, V], error) {
	c, err := simplelru.NewLRU[K, batcher.Result[V]](size, nil)
	return lru[K, V]{c}, err
}

func (c lru[K, V]) Set(key K, r batcher.Result[V]) { c.Add(key, r) }
func (c lru[K, V]) Delete(key K)                   { c.Remove(key) }
func (c lru[K, V]) Clear()                         { c.Purge() }
