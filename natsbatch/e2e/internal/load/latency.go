package load

import (
	"slices"
	"sync"
	"time"
)

// latencies collects how long requests took.
type latencies struct {
	mu  sync.Mutex // guards all
	all []time.Duration
}

func (l *latencies) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, d)
}

// Latency is the distribution of how long requests took.
type Latency struct{ P50, P99, Max time.Duration }

func (l *latencies) distribution() Latency {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.all) == 0 {
		return Latency{}
	}
	slices.Sort(l.all)
	at := func(share float64) time.Duration { return l.all[int(share*float64(len(l.all)-1))] }
	return Latency{at(0.5), at(0.99), at(1)}
}
