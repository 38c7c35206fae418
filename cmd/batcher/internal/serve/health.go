package serve

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// ready returns why the gateway should get no requests, or nil.
func (s *server) ready(r *http.Request) error {
	if s.closed.Load() {
		return errors.New("draining")
	}
	p := s.now.Load()
	if s.link == nil {
		return p.probe.Ready()
	}
	return s.healthy(r.Context(), p)
}

// healthy returns what is wrong with the queues of p, or nil, and has it logged. What
// is in a queue can be answered later, so the queues count, not the upstreams. That
// of requests which nobody waits for only counts in the log: callers who wait do not
// need it.
func (s *server) healthy(ctx context.Context, p *parts) error {
	later := make(chan error, 1)
	go func() {
		if s.later == nil {
			later <- nil
			return
		}
		later <- s.later.Health(ctx)
	}()
	err := p.queues.Health(ctx)
	all := errors.Join(err, <-later)
	switch worse, better := s.health.changed(all, time.Now()); {
	case worse:
		p.log.Warn("the queues do not work as they should", "err", all.Error())
	case better:
		p.log.Info("the queues work again")
	}
	return err
}

// health is what the log was told of the queues. The zero health is good.
type health struct {
	mu   sync.Mutex
	told time.Time // when that they are not well; zero: they are. Guarded by mu
}

// sickFor is how often the log says what has not changed.
const sickFor = time.Minute

// changed reports whether the log is to be told of err, or that there is none any more.
func (h *health) changed(err error, now time.Time) (worse, better bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil {
		better = !h.told.IsZero()
		h.told = time.Time{}
		return false, better
	}
	if worse = now.Sub(h.told) >= sickFor; worse {
		h.told = now
	}
	return worse, false
}
