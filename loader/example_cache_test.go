package loader_test

import (
	"context"
	"fmt"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/loader"
)

// recent is a loader.Cache that keeps the last few keys and drops the oldest. The
// Loader calls it with its lock held, so it needs none of its own.
type recent[K comparable, V any] struct {
	size    int
	answers map[K]batcher.Result[V]
	order   []K
}

func newRecent[K comparable, V any](size int) *recent[K, V] {
	return &recent[K, V]{size: size, answers: map[K]batcher.Result[V]{}}
}

func (c *recent[K, V]) Get(key K) (batcher.Result[V], bool) {
	r, ok := c.answers[key]
	return r, ok
}

func (c *recent[K, V]) Set(key K, r batcher.Result[V]) {
	c.Delete(key)
	if len(c.order) == c.size {
		c.Delete(c.order[0])
	}
	c.answers[key] = r
	c.order = append(c.order, key)
}

func (c *recent[K, V]) Delete(key K) {
	if _, ok := c.answers[key]; !ok {
		return
	}
	delete(c.answers, key)
	for i, k := range c.order {
		if k == key {
			c.order = append(c.order[:i], c.order[i+1:]...)
			return
		}
	}
}

func (c *recent[K, V]) Clear() {
	clear(c.answers)
	c.order = nil
}

// A Loader that all requests share should have a bounded cache. That of any
// library will do if it can get, set, delete and clear.
func Example_sharedCache() {
	l := loader.New(usersByID, loader.Options[int, user]{Cache: newRecent[int, user](2)})
	ctx := context.Background()
	for _, id := range []int{1, 2, 1} {
		fmt.Println(l.Load(ctx, id))
	}
	fmt.Println(l.Load(ctx, 3)) // not found: not cached, so nothing has to go
	l.Prime(4, user{4, "Edsger"})
	fmt.Println(l.Load(ctx, 1))
	// Output:
	// query for [1]
	// {1 Ada} <nil>
	// query for [2]
	// {2 Grace} <nil>
	// {1 Ada} <nil>
	// query for [3]
	// {0 } loader: not found: key 3
	// query for [1]
	// {1 Ada} <nil>
}
