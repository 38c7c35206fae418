package gateway

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"
	"time"
)

// route is a Route at work.
type route struct {
	Route
	dispatcher Dispatcher
	through    http.Handler // nil: refuses
	matters    []string     // header names that divide batches, canonical
	pending    admission
	observer   Observer
}

// newRoute puts r, which is valid, to work.
func newRoute(r Route, observer Observer) (*route, error) {
	made := &route{Route: r.WithDefaults(), dispatcher: r.Dispatcher, observer: observer}
	made.matters = canonical(slices.Concat(r.Headers, matters))
	made.pending = admission{most: int64(made.MaxPending), mostBytes: made.MaxPendingBytes}
	if through, ok := r.Upstream.(http.Handler); ok && !r.Refuse {
		made.through = through
	}
	if r.Dispatcher == nil {
		process, err := made.Process(observer)
		if err != nil {
			return nil, err
		}
		made.dispatcher = newInProcess(made.Route, process)
	}
	return made, nil
}

func (rt *route) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if rt.passes(r) {
		passTo(w, r, rt.through, rt.Name, rt.observer)
		return
	}
	v := newVisit(rt, r)
	v.run()
	v.finish(w)
}

// passes reports whether r is no call, as far as its head says.
func (rt *route) passes(r *http.Request) bool {
	return upgrades(r) || rt.loses(r) || !rt.Protocol.Match(r)
}

// newVisit begins a visit. Inlined, it would be made on the stack.
//
//go:noinline
func newVisit(rt *route, r *http.Request) *visit {
	return &visit{route: rt, r: r, start: time.Now(), served: Served{Route: rt.Name}}
}

// visit is one call, from its head to its answer. It is on the heap, and the
// methods in which it waits have small frames, so a goroutine that waits gets by
// with half of the stack. It is the context of its items, through which a batch
// can tell it that it is sent (see sending).
type visit struct {
	context.Context // while the call may be answered

	route  *route
	r      *http.Request
	start  time.Time
	served Served                  // what is found out
	sent   atomic.Pointer[sending] // the last batch with an item of it, as far as this process sends it

	body body
	call *Call
	key  Key
	held int // the room that its items take

	outcomes []Outcome
	reply    Reply
	err      error
}

// run gets the call answered, within the route's timeout.
func (v *visit) run() {
	if v.route.Timeout <= 0 {
		v.Context = v.r.Context()
		v.within()
		return
	}
	ctx, cancel := context.WithTimeoutCause(v.r.Context(), v.route.Timeout, errTimeout)
	defer cancel()
	v.Context = ctx
	v.within()
}

// within is run while v.Context lasts.
func (v *visit) within() {
	defer v.release()
	for _, step := range steps {
		if v.err = step(v); v.err != nil {
			return
		}
	}
}

// steps are what is done for a call, in order. They are called by their places
// here, and so not inlined: each would add its frame to the stack under the others.
var steps = []func(*visit) error{(*visit).receive, (*visit).read, (*visit).enter, (*visit).dispatch, (*visit).join}

// receive reads the body.
func (v *visit) receive() error { return v.body.read(v.Context, v.route, v.r) }

// read takes the call apart.
func (v *visit) read() error {
	v.served.In = len(v.body.data)
	call, err := v.route.Protocol.Read(v.r, v.body.data, max(0, v.route.MaxPending))
	switch {
	case err != nil:
		return unreadable(err)
	case len(call.Items) == 0, call.ContentType == "" && unasked(v.r):
		return ErrNotMine
	}
	v.call = call // not before: it holds on to what is read, which takes no room where it is passed through
	v.body.settle()
	return nil
}

// enter reserves room for the items.
func (v *visit) enter() error {
	n := len(v.call.Items)
	v.served.Items = n
	if err := v.route.pending.enter(n); err != nil {
		return err
	}
	v.held = n
	v.key = keyOf(v.r, v.call, v.route.matters)
	return nil
}

// dispatch gets the items answered.
func (v *visit) dispatch() (err error) {
	asked, items := time.Now(), v.call.Items
	v.outcomes, err = v.route.dispatcher.Dispatch(v, v.key, items)
	v.served.Queued = time.Since(asked)
	return err
}

// unreadable returns the answer to a call that the protocol cannot read.
func unreadable(err error) error {
	var own *Error
	if errors.Is(err, ErrNotMine) || errors.As(err, &own) {
		return err
	}
	return Errorf(http.StatusBadRequest, "%v", err)
}

// release gives back the room that the call takes, except for a body that is yet
// to be passed through.
func (v *visit) release() {
	if v.isNoCall() {
		v.body.give(int64(cap(v.body.raw)))
	} else {
		v.body.give(0)
	}
	v.route.pending.leave(v.held)
}

// isNoCall reports whether the request turned out to be no call. What was read is
// one, whatever a Dispatcher says: it may have been sent, and its body is not kept.
func (v *visit) isNoCall() bool { return v.call == nil && errors.Is(v.err, ErrNotMine) }

// join puts the results together.
func (v *visit) join() (err error) {
	if len(v.outcomes) != len(v.call.Items) {
		return Errorf(http.StatusBadGateway, "%d outcomes for %d items", len(v.outcomes), len(v.call.Items))
	}
	results := make([]Result, len(v.outcomes))
	for i := range v.outcomes {
		results[i] = v.outcomes[i].Result
		v.served.in(v.outcomes[i].Batch)
	}
	if v.reply, err = v.route.Protocol.Reply(v.call, results); err != nil {
		return Errorf(http.StatusBadGateway, "the upstream's answer cannot be put together: %v", err)
	}
	return nil
}

// in notes that an item was in batch b. From another process, each item brings a
// copy of it.
func (s *Served) in(b *Batch) {
	if b == nil || len(s.Batches) > 0 && s.Batches[len(s.Batches)-1].ID == b.ID {
		return
	}
	s.Batches = append(s.Batches, b)
	if b.Upstream > s.Upstream {
		s.Queued = max(0, s.Queued+s.Upstream-b.Upstream) // it began with all of the time
		s.Upstream = b.Upstream
	}
}
