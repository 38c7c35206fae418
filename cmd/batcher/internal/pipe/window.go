package pipe

import (
	"context"
	"sync"
)

// window bounds the lines held: read, and not yet printed or reported. One goroutine
// takes room, and any number give it back.
type window struct {
	freed chan struct{} // holds one if room was given back since the last look

	mu   sync.Mutex
	free int // guarded by mu
}

func newWindow(limit int) *window {
	return &window{free: limit, freed: make(chan struct{}, 1)}
}

// take waits until there is room, and takes all of it: asking once for many lines is
// what makes it cheap. It returns zero once ctx has ended.
func (w *window) take(ctx context.Context) int {
	for ctx.Err() == nil {
		w.mu.Lock()
		n := w.free
		w.free = 0
		w.mu.Unlock()
		if n > 0 {
			return n
		}
		select {
		case <-w.freed:
		case <-ctx.Done():
		}
	}
	return 0
}

// give gives back the room of n lines.
func (w *window) give(n int) {
	w.mu.Lock()
	w.free += n
	w.mu.Unlock()
	select {
	case w.freed <- struct{}{}:
	default:
	}
}
