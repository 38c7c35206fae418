package gateway

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strconv"
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

// newRoute makes r, which is valid, work.
func newRoute(r Route, observer Observer) (*route, error) {
	made := &route{Route: r.withDefaults(), dispatcher: r.Dispatcher, observer: observer}
	made.matters = canonical(append(r.Headers, matters...))
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
	if upgrades(r) || !rt.Protocol.Match(r) {
		passTo(w, r, rt.through, rt.Name, rt.observer)
		return
	}
	s := Served{Route: rt.Name}
	start := time.Now()
	read, reply, err := rt.call(r, &s)
	if errors.Is(err, ErrNotMine) {
		passTo(w, read.restore(r), rt.through, rt.Name, rt.observer)
		return
	}
	s.Took = time.Since(start)
	if err != nil {
		s.fail(w, asAnswer(r, err))
	} else {
		s.write(w, reply)
	}
	if rt.observer.Served != nil {
		rt.observer.Served(r, s)
	}
}

// call has the call r answered. What it finds out goes into s.
func (rt *route) call(r *http.Request, s *Served) (read *body, reply Reply, err error) {
	ctx := r.Context()
	if rt.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, rt.Timeout, errTimeout)
		defer cancel()
	}
	read, err = rt.read(r)
	if err != nil {
		return read, Reply{}, err
	}
	defer rt.pending.leaveBytes(read.held)
	s.In = len(read.data)
	call, err := rt.Protocol.Read(r, read.data)
	if err != nil {
		return read, Reply{}, unreadable(err)
	}
	if len(call.Items) == 0 {
		return read, Reply{}, ErrNotMine
	}
	s.Items = len(call.Items)
	if err := rt.pending.enter(s.Items); err != nil {
		return read, Reply{}, err
	}
	defer rt.pending.leave(s.Items)
	reply, err = rt.answer(ctx, r, call, s)
	return read, reply, err
}

// unreadable is what a caller is told whose call the protocol cannot read.
func unreadable(err error) error {
	var own *Error
	if errors.Is(err, ErrNotMine) || errors.As(err, &own) {
		return err
	}
	return Errorf(http.StatusBadRequest, "%v", err)
}

// answer has the items processed and puts their results together.
func (rt *route) answer(ctx context.Context, r *http.Request, call *Call, s *Served) (Reply, error) {
	start := time.Now()
	outcomes, err := rt.dispatcher.Dispatch(ctx, keyOf(r, call, rt.matters), call.Items)
	s.Queued = time.Since(start)
	if err != nil {
		return Reply{}, err
	}
	if len(outcomes) != len(call.Items) {
		return Reply{}, Errorf(http.StatusBadGateway, "%d outcomes for %d items", len(outcomes), len(call.Items))
	}
	results := make([]Result, len(outcomes))
	for i, o := range outcomes {
		results[i] = o.Result
		s.in(o.Batch)
	}
	reply, err := rt.Protocol.Reply(call, results)
	if err != nil {
		return Reply{}, Errorf(http.StatusBadGateway, "the upstream's answer cannot be put together: %v", err)
	}
	if reply.Status == 0 {
		reply.Status = http.StatusOK
	}
	return reply, nil
}

// in notes that an item was in batch b.
func (s *Served) in(b *Batch) {
	if b == nil || len(s.Batches) > 0 && s.Batches[len(s.Batches)-1] == b {
		return
	}
	s.Batches = append(s.Batches, b)
	if b.Upstream > s.Upstream {
		s.Queued = max(0, s.Queued+s.Upstream-b.Upstream) // it began with all of the time
		s.Upstream = b.Upstream
	}
}

// write sends the reply, under the header of the first batch's answer.
func (s *Served) write(w http.ResponseWriter, reply Reply) {
	h := w.Header()
	if len(s.Batches) > 0 {
		maps.Copy(h, s.Batches[0].Header)
	}
	maps.Copy(h, reply.Header)
	addTiming(h, s.timing())
	if reply.Body != nil {
		h["Content-Length"] = []string{strconv.Itoa(len(reply.Body))}
	}
	s.Status, s.Out = reply.Status, len(reply.Body)
	w.WriteHeader(reply.Status)
	_, _ = w.Write(reply.Body)
}

// fail answers a call that failed with e.
func (s *Served) fail(w http.ResponseWriter, e *Error) {
	s.in(e.Batch)
	s.Status, s.Err = e.Status, e
	s.Out = e.writeTimed(w, s.timing())
}

// asAnswer gives the answer to r, which failed with err.
func asAnswer(r *http.Request, err error) *Error {
	e := asError(err)
	if e.Status == statusClientGone && r.Context().Err() == nil {
		return Errorf(http.StatusBadGateway, "the batch was canceled")
	}
	return e
}
