package gateway

import (
	"net/http"
	"sync/atomic"
)

// Swap serves with a Handler that another can replace while requests come,
// without refusing any: those inside the old one are answered there, and
// whoever finds it draining goes to the new one. It is safe for concurrent
// use. Make one with NewSwap.
type Swap struct{ now atomic.Pointer[Handler] }

// NewSwap makes a Swap that serves with h.
func NewSwap(h *Handler) *Swap {
	s := &Swap{}
	s.now.Store(h)
	return s
}

// Handler gives the Handler that serves now.
func (s *Swap) Handler() *Handler { return s.now.Load() }

// Replace serves with h from now on and gives the Handler that did before,
// for Shutdown.
func (s *Swap) Replace(h *Handler) (old *Handler) { return s.now.Swap(h) }

// ServeHTTP is that of the Handler that serves now.
func (s *Swap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := s.now.Load()
	for !h.enter() {
		next := s.now.Load()
		if next == h {
			h.refuse(w, r)
			return
		}
		h = next
	}
	defer h.leave()
	h.serve(w, r)
}
