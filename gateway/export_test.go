package gateway

import "net/http"

// Shares gives an item's share of a full batch under two limits, and what full is.
func Shares(weight, bytes int, item Item) (share, full int) {
	return scale{weight, bytes}.share(item), scaleFull
}

// DrainAfter keeps requests out of h, which must be empty, while f runs, and then
// lets them find it draining.
func (h *Handler) DrainAfter(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	h.draining = true
	close(h.empty)
}

// Transport returns the transport of an HTTP that was given none.
func (h *HTTP) Transport() *http.Transport { return h.opts.Transport.(*http.Transport) }
