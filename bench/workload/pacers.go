package workload

import (
	"sync"
	"time"
)

// pacers serve many goroutines that sleep at once, as Funcs do.
type pacers struct {
	mu   sync.Mutex // guards what follows
	free []*pacer
}

// sleep falls back on time.Sleep if there is no timer, as a pacer does.
func (p *pacers) sleep(d time.Duration) {
	one, err := p.take()
	if err != nil {
		time.Sleep(d)
		return
	}
	one.sleep(d)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, one)
}

func (p *pacers) take() (*pacer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.free) - 1
	if last < 0 {
		return newPacer()
	}
	one := p.free[last]
	p.free = p.free[:last]
	return one, nil
}

// close may be called once nobody sleeps any more.
func (p *pacers) close() {
	for _, one := range p.free {
		one.close()
	}
}
