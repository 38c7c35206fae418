package gateway

import (
	"maps"
	"net/http"
	"strconv"
	"time"
)

// finish answers the call, or passes through what turned out to be none.
func (v *visit) finish(w http.ResponseWriter) {
	if v.isNoCall() {
		defer v.body.give(0)
		passTo(w, v.body.restore(v.r), v.route.through, v.route.Name, v.route.observer)
		return
	}
	v.served.Took = time.Since(v.start)
	if v.err != nil {
		v.fail(w)
	} else {
		v.write(w)
	}
	if v.route.observer.Served != nil {
		v.route.observer.Served(v.r, v.served)
	}
}

// write sends the reply, under the header of the first batch's answer.
func (v *visit) write(w http.ResponseWriter) {
	v.forget()
	h, s, reply := w.Header(), &v.served, &v.reply
	if len(s.Batches) > 0 {
		maps.Copy(h, s.Batches[0].Header)
		switch status := s.Batches[0].Status; {
		case status >= http.StatusMultipleChoices: // its refusal is in the results
		case status == http.StatusNoContent && reply.Body != nil: // there is content from another batch
		default:
			set(&reply.Status, status)
		}
	}
	maps.Copy(h, reply.Header)
	addTiming(h, s.timing())
	if reply.Body != nil {
		h["Content-Length"] = []string{strconv.Itoa(len(reply.Body))}
	}
	set(&reply.Status, http.StatusOK)
	s.Status, s.Out = reply.Status, len(reply.Body)
	w.WriteHeader(reply.Status)
	_, _ = w.Write(reply.Body)
}

// fail answers a call that failed.
func (v *visit) fail(w http.ResponseWriter) {
	e := asError(v.err)
	if e.Status == statusClientGone && v.r.Context().Err() == nil {
		e = Errorf(http.StatusBadGateway, "the batch was canceled")
	}
	s := &v.served
	if sent := v.sent.Load(); e.Batch == nil && sent != nil {
		s.in(sent.until(time.Now()))
	} else {
		s.in(e.Batch)
	}
	s.Status, s.Err = e.Status, e
	e = v.route.explained(v.call, e)
	v.forget()
	s.Out = e.writeTimed(w, s.timing())
}

// explained returns e in the form that the protocol's clients expect; call is
// nil if it was not read.
func (rt *route) explained(call *Call, e *Error) *Error {
	x, ok := rt.Protocol.(Explainer)
	if !ok || e.Body != nil {
		return e
	}
	own := *e // which others may share
	own.Body, own.Header = x.Explain(call, e), maps.Clone(e.Header)
	if own.Header == nil {
		own.Header = make(http.Header)
	}
	own.Header["Content-Type"] = []string{"application/json"} // not that of the body that is not sent
	return &own
}

// forget lets go of all that the answer was made of: a caller that reads slowly
// would keep the upstream's answer to the whole batch in memory.
func (v *visit) forget() { v.body, v.call, v.outcomes, v.key = body{}, nil, nil, Key{} }
