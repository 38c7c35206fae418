package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"sync"

	"github.com/gobatcher/batcher"
)

// Options are what all routes of a Handler have in common.
type Options struct {
	// Fallback serves requests that match no route. Default: nil, which answers
	// with status 404.
	Fallback http.Handler

	// Observer is told what happens. Default: the zero Observer, which ignores
	// it.
	Observer Observer
}

// Handler batches the calls that match its routes, each with its protocol,
// and passes everything else through. It is safe for concurrent use. An idle
// Handler owns no goroutine and no timer. Make one with New.
type Handler struct {
	opts   Options
	mux    *http.ServeMux
	routes []*route
	empty  chan struct{} // closed when draining and nobody is inside

	mu       sync.Mutex // guards what follows, and the closing of empty
	inside   int        // requests being served
	draining bool       // takes no more
}

// New makes a Handler. It owns the routes' Upstreams and Dispatchers from then
// on. It fails if a route is not valid (see Route.Validate), or if two
// patterns conflict; then it owns nothing.
func New(routes []Route, opts Options) (*Handler, error) {
	h := &Handler{opts: opts, mux: http.NewServeMux(), empty: make(chan struct{})}
	for _, r := range routes {
		if err := r.Validate(); err != nil {
			return nil, err
		}
	}
	for _, r := range routes {
		made, err := newRoute(r, opts.Observer)
		if err != nil {
			return nil, err
		}
		if err := register(h.mux, r.Pattern, made); err != nil {
			return nil, &FieldError{r.Pattern, "Pattern", err.Error()}
		}
		h.routes = append(h.routes, made)
	}
	return h, nil
}

// registered matches what a mux says about where a pattern was registered, which
// is always here.
var registered = regexp.MustCompile(` \(registered at [^)]*\)`)

// register turns the panic of a mux into an error.
func register(mux *http.ServeMux, pattern string, handler http.Handler) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = errors.New(strings.TrimPrefix(registered.ReplaceAllString(fmt.Sprint(v), ""), "pattern "))
		}
	}()
	mux.Handle(pattern, handler)
	return nil
}

// ServeHTTP answers a call when its batch is answered; everything else is
// answered by the handler that it is passed through to. After Shutdown it
// answers with status 503; see [Swap] for how another Handler can take over
// before.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.enter() {
		h.refuse(w, r)
		return
	}
	defer h.leave()
	h.serve(w, r)
}

// serve serves a request that has entered.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request) {
	r = asWritten(r)
	// The mux's own answers (redirects to a cleaner path) are not the upstream's.
	matched, _ := h.mux.Handler(r)
	if to, ok := matched.(*route); ok {
		to.ServeHTTP(w, r)
		return
	}
	passTo(w, r, h.opts.Fallback, "", h.opts.Observer)
}

// refuse answers a request that comes after Shutdown.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request) {
	name, e, written := "", draining(), asWritten(r)
	matched, _ := h.mux.Handler(written)
	if to, ok := matched.(*route); ok {
		name = to.Name
		if !to.passes(written) {
			e = to.explained(nil, e)
		}
	}
	h.opts.Observer.refused(w, r, name, e)
}

// enter reports whether a request may be served; then leave must follow.
func (h *Handler) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining {
		return false
	}
	h.inside++
	return true
}

func (h *Handler) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.inside--
	if h.draining && h.inside == 0 {
		close(h.empty)
	}
}

// Shutdown refuses new requests with status 503, waits until those being
// served are answered, shuts Dispatchers down and closes Upstreams. When ctx
// ends first, requests that have not been sent yet are answered with 503, calls
// of batches are aborted, and Shutdown returns ctx's cause. It does so too if
// only requests that are passed through, which it leaves alone, are unanswered.
// For an Upstream that does not close it waits as long as ctx lasts, but 2 s if
// that is longer, and then returns ctx's cause as well.
// It may be called again, and then only waits for requests.
func (h *Handler) Shutdown(ctx context.Context) error {
	h.mu.Lock()
	first := !h.draining
	h.draining = true
	if first && h.inside == 0 {
		close(h.empty)
	}
	h.mu.Unlock()
	late := h.wait(ctx)
	if !first {
		return late
	}
	errs := []error{late}
	for _, r := range h.routes {
		if err := r.dispatcher.Shutdown(ctx); !errors.Is(err, late) { // most say the same
			errs = append(errs, err)
		}
	}
	for _, err := range h.closeUpstreams(ctx) {
		if !errors.Is(err, late) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// closeUpstreams closes all Upstreams at the same time: each may need a while.
func (h *Handler) closeUpstreams(ctx context.Context) []error {
	upstreams := h.upstreams()
	errs := make([]error, len(upstreams))
	var all sync.WaitGroup
	for i, u := range upstreams {
		all.Go(func() { errs[i] = CloseUpstream(ctx, u) })
	}
	all.Wait()
	return errs
}

// upstreams returns the Upstreams of all routes, one that several share once.
func (h *Handler) upstreams() (all []Upstream) {
	have := make(map[Upstream]bool, len(h.routes))
	for _, r := range h.routes {
		switch u := r.Upstream; {
		case u == nil:
		case !reflect.ValueOf(u).Comparable(): // whether another route has it too cannot be told
			all = append(all, u)
		case !have[u]:
			have[u] = true
			all = append(all, u)
		}
	}
	return all
}

// wait waits until nobody is inside. If ctx ends first, it returns the cause.
func (h *Handler) wait(ctx context.Context) error {
	select {
	case <-h.empty:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-h.empty:
		return nil
	default:
		return context.Cause(ctx)
	}
}

// Stats returns the counts of items and batches of each route, by its name.
func (h *Handler) Stats() map[string]batcher.Stats {
	all := make(map[string]batcher.Stats, len(h.routes))
	for _, r := range h.routes {
		all[r.Name] = r.dispatcher.Stats()
	}
	return all
}
