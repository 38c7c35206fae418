package gateway

import (
	"context"
	"sync/atomic"
	"time"
)

// sending is a batch that has gone to the upstream. A call that does not wait for
// the answer learns from it how long it had queued by then.
type sending struct {
	batch Batch // but for Upstream and Header
	start time.Time
	took  atomic.Int64 // nanoseconds; zero: there is no answer yet
}

// tell tells the calls that the items are of. The contexts of another
// Dispatcher's items lead to none.
func (s *sending) tell(callers []context.Context) {
	var last *visit
	for _, ctx := range callers {
		if v, ok := ctx.Value(visitOfContext{}).(*visit); ok && v != last {
			v.sent.Store(s)
			last = v
		}
	}
}

// until returns the batch as it was at a time.
func (s *sending) until(now time.Time) *Batch {
	b := s.batch
	if b.Upstream = time.Duration(s.took.Load()); b.Upstream == 0 {
		b.Upstream = now.Sub(s.start)
	}
	return &b
}

type visitOfContext struct{}

// Value returns the call itself for visitOfContext.
func (v *visit) Value(key any) any {
	if key == (visitOfContext{}) {
		return v
	}
	return v.Context.Value(key)
}
