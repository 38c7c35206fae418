package gateway

import (
	"net/http"
	"sync/atomic"
)

// Swap serves with a Handler that can be replaced while requests come, without
// refusing any: requests inside the old one are answered there, and those that
// find it draining go to the new one. It is safe for concurrent use. Make one
// with NewSwap.
type Swap struct{ now atomic.Pointer[Handler] }

// NewSwap makes a Swap that serves with h.
func NewSwap(h *Handler) *Swap {
	s := &Swap{}
	s.now.Store(h)
	return s
}

// Handler returns the Handler that serves now.
func (s *Swap) Handler() *Handler { return s.now.Load() }

// Replace serves with h from now on and returns the Handler that did before, to
// be shut down.
func (s *Swap) Replace(h *Handler) (old *Handler) { return s.now.Swap(h) }

// ServeHTTP calls that of the Handler that serves now.
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
