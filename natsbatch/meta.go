package natsbatch

import (
	"context"
	"time"

	"github.com/gobatcher/batcher"
)

// Meta is what a worker's Func may know of one request besides its value.
type Meta struct {
	// ID is the same whenever this request runs. It is the Key that the request was
	// submitted with, which callers, also of other endpoints, may use for other
	// requests too; without a Key it is unique, unless a caller uses it as a Key. It
	// serves as an idempotency key for what Func calls.
	ID       string
	Group    string    // see Group
	Trace    string    // see ClientOptions.Trace
	Deadline time.Time // zero: none
	Priority Priority
	Tries    int // how often it has begun to run before, as far as is known
}

// MetaFrom returns the Meta of a request from its context, one of the
// batcher.Info's Requests within a worker's Func; false if there is none.
func MetaFrom(ctx context.Context) (Meta, bool) {
	it, ok := ctx.Value(metaKey{}).(*item)
	if !ok {
		return Meta{}, false
	}
	return it.meta(), true
}

// Metas returns the Meta of each request of a batch, aligned with reqs, from the
// context of a worker's Func; nil if ctx is not one.
func Metas(ctx context.Context) []Meta {
	info, ok := batcher.FromContext(ctx)
	if !ok {
		return nil
	}
	metas := make([]Meta, len(info.Requests))
	for i, req := range info.Requests {
		if metas[i], ok = MetaFrom(req); !ok {
			return nil
		}
	}
	return metas
}

type metaKey struct{}
