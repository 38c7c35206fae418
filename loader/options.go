package loader

import (
	"errors"
	"fmt"

	"github.com/gobatcher/batcher"
)

// Options configure a [Loader]. The zero Options fetch in idle mode, which
// waits for nothing but the fetch before it, and cache every value for the
// Loader's life.
type Options[K comparable, V any] struct {
	// Batch says when a fetch starts, how many keys it takes (MaxSize) and how
	// many fetches run at once (MaxConcurrent). MaxWeight is for keys that are a
	// batcher.Weigher; others weigh 1. With MaxPending a Load waits for room, no longer than
	// its context lasts. Manual and StrictSize are invalid: nothing would start
	// the last fetch. Default: zero, idle mode, one fetch at a time.
	Batch batcher.Options

	// Cache keeps what was fetched. Default: nil, a map that only grows, right
	// for a Loader that lives as long as one request. A shared Loader should
	// have a bounded one.
	Cache Cache[K, V]

	// NoCache keeps nothing: equal keys still share a fetch that is under way,
	// but Prime and keys that were not asked for have no effect. Excludes
	// Cache and CacheErrors. Default: false.
	NoCache bool

	// CacheErrors says which errors of keys are cached, such as ErrNotFound in
	// a Loader that should not ask again. It is not called for errors that say
	// nothing about the key and are never cached: a context's end, a panic,
	// batcher's ErrCanceled, ErrClosed and ErrFull, and any error of a fetch
	// whose context has ended. It may be called by several fetches at once.
	// Default: nil, none.
	CacheErrors func(error) bool
}

// Validate returns an error that names each wrong field and its value, or nil.
func (o Options[K, V]) Validate() error {
	var faults []error
	fault := func(text string) { faults = append(faults, errors.New("loader: Options: "+text)) }
	if err := o.Batch.Validate(); err != nil {
		faults = append(faults, fmt.Errorf("loader: Options: Batch: %w", err))
	}
	if o.Batch.Manual {
		fault("Batch.Manual is true: a Loader has no Flush")
	}
	if o.Batch.StrictSize {
		fault("Batch.StrictSize is true: a key without enough company would wait for ever")
	}
	if o.NoCache && o.Cache != nil {
		fault("NoCache excludes Cache, which is set")
	}
	if o.NoCache && o.CacheErrors != nil {
		fault("NoCache excludes CacheErrors, which is set")
	}
	return errors.Join(faults...)
}

// cache returns the Cache that the Options ask for, nil for the table's own.
func (o Options[K, V]) cache() Cache[K, V] {
	if o.NoCache {
		return none[K, V]{}
	}
	return o.Cache
}
