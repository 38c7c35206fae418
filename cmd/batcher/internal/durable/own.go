package durable

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gobatcher/batcher/gateway"
)

// ownKey is for the context of a request that nobody waits for. Its value is an
// *atomic.Bool that says whether the gateway itself has refused it.
type ownKey struct{}

// Served is to be told what a gateway.Observer is told, by the handler that serves
// requests that nobody waits for. One that the gateway refuses because it is full or
// about to end has had no try.
func Served(r *http.Request, s gateway.Served) {
	if s.Err == nil || len(s.Batches) > 0 { // the upstream was asked
		return
	}
	own, ok := r.Context().Value(ownKey{}).(*atomic.Bool)
	if ok && (s.Status == http.StatusTooManyRequests || s.Status == http.StatusServiceUnavailable) {
		own.Store(true)
	}
}

// withOwn returns a context for a run, and what Served will have said of it.
func withOwn(ctx context.Context) (context.Context, *atomic.Bool) {
	own := new(atomic.Bool)
	return context.WithValue(ctx, ownKey{}, own), own
}

// ownPause is how long a request waits that the gateway had no room for, at least.
const ownPause = 2 * time.Second
