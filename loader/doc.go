// Package loader turns many small look-ups into few large ones: it loads values
// by key, with one fetch for all the keys that are wanted at the same time.
//
//	users := loader.New(func(ctx context.Context, ids []int) (map[int]user, error) {
//		return usersByID(ctx, ids) // SELECT ... WHERE id IN (...)
//	}, loader.Options[int, user]{})
//
//	author, err := users.Load(ctx, post.author) // from as many goroutines as you like
//
// It is the cure for the "N+1 queries" of GraphQL resolvers and of loops over
// rows. A fetch answers with a map, because rows may come back in another order
// than they were asked for, and fewer of them; [Slice] adapts a function that
// answers by position. A key that is missing from the map is [ErrNotFound], so a
// fetch of lists, such as the posts of each author, gives an entry to a key that
// has none, too; [Errors] fails single keys.
//
// # Which key is fetched when
//
// A load of a cached key returns at once. If the key is on its way, in a fetch
// or waiting for the next, the load waits for that one, so that equal keys are
// one request, with a cache or without. Any other key waits for the next fetch,
// which starts by the rules of package batcher, as Options.Batch says. By
// default that is idle mode: no timer, one fetch at a time, and the keys wanted
// while a fetch runs make up the next.
//
// A caller that stops waiting does not disturb others: a key is fetched as long
// as one of its callers waits, and the fetch's context ends when none waits for
// any of its keys. That context has no deadline, since a caller that joins later
// may have more time; each caller's own deadline still frees that caller.
//
// A fetch must not load from its own Loader, nor from another whose fetch loads
// from this one: it would wait for itself, since there is one fetch at a time. With
// a negative MaxConcurrent in Options.Batch it may, but never load a key of a fetch
// that waits for it.
//
// # One loader per request, or a shared one
//
// Make a Loader per request, in a middleware, and pass it on in the context:
// its cache gives the request one consistent view of the data, may grow
// freely, holds only what this user may see, and is dropped with the request.
// There is nothing to close. This is the right choice unless you have measured
// that it is not.
//
// A Loader shared by all requests also puts their keys into common fetches,
// and its cache lives on. Give it a [Cache] that is bounded, or NoCache, call
// Clear where data changes, and remember that a value loaded for one user is
// returned to another.
//
// After Clear all that was known of a key is stale: even a fetch under way no
// longer counts, neither for later loads nor for the cache. A cached value
// changes only by Clear; Prime, a late answer or a late failure never replaces
// it. Errors are not cached unless Options.CacheErrors says so, and errors that
// say nothing about the key, such as a context's end or a panic, never are.
package loader
