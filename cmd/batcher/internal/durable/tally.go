package durable

import (
	"maps"
	"sync"

	"github.com/gobatcher/batcher/natsbatch"
)

// tally counts what the workers of this process have done, by route. A reload makes new
// workers, and counters must not fall then: Prometheus would take that for a restart.
// The zero tally has none. It is safe for concurrent use.
type tally struct {
	mu    sync.Mutex
	ended map[string]natsbatch.WorkerStats // guarded by mu
	has   map[*natsbatch.Worker]string     // those that have not ended, and their routes; guarded by mu
}

// begin counts what w does from now on.
func (t *tally) begin(route string, w *natsbatch.Worker) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.has == nil {
		t.ended, t.has = make(map[string]natsbatch.WorkerStats), make(map[*natsbatch.Worker]string)
	}
	t.has[w] = route
}

// end keeps what w, which has been shut down, has done, and forgets it.
func (t *tally) end(w *natsbatch.Worker) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if route, ok := t.has[w]; ok {
		t.ended[route] = sum(t.ended[route], w.Stats())
		delete(t.has, w)
	}
}

// counts returns the sums by route, also of routes that are no more.
func (t *tally) counts() map[string]natsbatch.WorkerStats {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := maps.Clone(t.ended)
	for w, route := range t.has {
		all[route] = sum(all[route], w.Stats())
	}
	return all
}

// sum adds what figures reports as counters.
func sum(a, b natsbatch.WorkerStats) natsbatch.WorkerStats {
	return natsbatch.WorkerStats{
		Batches:     a.Batches + b.Batches,
		Requests:    a.Requests + b.Requests,
		Messages:    a.Messages + b.Messages,
		Redelivered: a.Redelivered + b.Redelivered,
		Expired:     a.Expired + b.Expired,
		Retried:     a.Retried + b.Retried,
		HandedBack:  a.HandedBack + b.HandedBack,
		Dead:        a.Dead + b.Dead,
	}
}
