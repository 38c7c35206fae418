package serve

import (
	"context"
	"errors"
	"sync"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/gateway"
)

// old are the handlers from before reloads that still have requests: those that
// are passed through, such as WebSockets, may stay as long as the program runs.
type old struct {
	all sync.WaitGroup

	mu   sync.Mutex
	have map[*gateway.Handler]bool // guarded by mu
	err  error                     // of those that were cut off at the end of the program; guarded by mu
}

// replace has next serve, and keeps the handler that did before.
func (o *old) replace(swap *gateway.Swap, next *gateway.Handler) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.have == nil {
		o.have = make(map[*gateway.Handler]bool)
	}
	o.have[swap.Replace(next)] = true
}

// finish waits until h, which has been shut down, has no more requests, or until
// ctx ends, and then forgets it. h is nil for a worker.
func (o *old) finish(ctx context.Context, h *gateway.Handler) {
	if h == nil {
		return
	}
	err := h.Shutdown(ctx)
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.have, h)
	o.err = errors.Join(o.err, err)
}

// wait waits for all of them, and returns an error if any was cut off.
func (o *old) wait() error {
	o.all.Wait()
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// stats returns the Stats of swap's handler, with what is pending and running in
// those before it added.
func (o *old) stats(swap *gateway.Swap) map[string]batcher.Stats {
	o.mu.Lock()
	defer o.mu.Unlock()
	sum := swap.Handler().Stats()
	for h := range o.have {
		for name, has := range h.Stats() {
			all := sum[name]
			all.Pending, all.Running = all.Pending+has.Pending, all.Running+has.Running
			sum[name] = all
		}
	}
	return sum
}
