package gateway

import (
	"context"
	"net/http"
	"time"
)

// Observer is told what happens, for metrics, logs and traces. Its functions are
// called for every request, from many goroutines at once: they must be safe for
// that, and quick. Nil ones are not called.
type Observer struct {
	// Served is told of each request that was answered, including those that
	// were refused before a route saw them, or whose caller left. r.Body must not
	// be used.
	Served func(r *http.Request, s Served)

	// Exchanged is told of each upstream call, in the goroutine of its batch.
	// ctx is the batch's; the callers' contexts are in e.Callers.
	Exchanged func(ctx context.Context, e Exchange)
}

// Served is one request as its caller saw it.
type Served struct {
	Route  string // "" if none matched, or the request was refused before it was looked for
	Passed bool   // through, to the upstream or elsewhere; then the rest but Took, Status and Err is zero

	Status int // as sent; 499 if the caller had left
	Items  int // in the call
	In     int // bytes of its body
	Out    int // bytes of the answer's body
	Err    error

	Took     time.Duration // all of it
	Queued   time.Duration // before the upstream was asked
	Upstream time.Duration // of the slowest batch
	Batches  []*Batch      // that its items were in; must not be changed
}

// Exchange is one upstream call.
type Exchange struct {
	Route   string
	Key     Key // holds secrets: Fields, and whatever callers put into the rest
	Batch   Batch
	Start   time.Time
	Opened  time.Time         // when the batch's first item came; zero if that is not known
	Callers []context.Context // of each item's call, in the order of the items; must not be changed

	Status   int // of the answer; zero if there is none
	Sent     int // bytes of the body
	Received int // bytes of the answer's body
	Err      error
}

// refused answers a request with e, before any route has seen it.
func (o Observer) refused(w http.ResponseWriter, r *http.Request, route string, e *Error) {
	start := time.Now()
	out := e.writeTimed(w, "")
	if o.Served != nil {
		o.Served(r, Served{Route: route, Status: e.Status, Out: out, Err: e, Took: time.Since(start)})
	}
}
