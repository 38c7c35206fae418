package durable

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
	"github.com/gobatcher/batcher/natsbatch"
)

// httpRequest is a request that nobody waits for, as it came.
type httpRequest struct {
	Method, URI, Host string
	Header            http.Header
	Body              []byte
}

// httpAnswer is the answer to it, as it would have been sent.
type httpAnswer struct {
	Status int
	Header http.Header
	Body   []byte
}

// replay serves requests that nobody waits for like any other.
type replay struct{ next http.Handler }

// serve is the Func of a worker whose batches hold one request.
func (p replay) serve(ctx context.Context, reqs []httpRequest) ([]httpAnswer, error) {
	answers := make([]httpAnswer, len(reqs))
	info, _ := batcher.FromContext(ctx)
	for i, req := range reqs {
		in := ctx
		if i < len(info.Requests) {
			in = traced(ctx, info.Requests[i])
		}
		var err error
		if answers[i], err = p.one(in, req); err != nil {
			return nil, err
		}
	}
	return answers, nil
}

// one serves a request. If its answer says that the failure may be temporary, it is
// tried again later.
func (p replay) one(ctx context.Context, req httpRequest) (a httpAnswer, err error) {
	ctx, own := withOwn(ctx)
	r, err := req.made(ctx)
	if err != nil {
		return httpAnswer{Status: http.StatusBadRequest}, nil
	}
	w := &recorder{header: make(http.Header)}
	whole := w.record(p.next, r)
	if ctx.Err() != nil { // an answer would say only that
		return a, natsbatch.Retry(context.Cause(ctx))
	}
	if w.long { // it would be the next time too
		w = &recorder{header: make(http.Header)}
		say(w, http.StatusBadGateway, "the answer is longer than 700 KiB, and cannot be kept")
		return httpAnswer{Status: w.status, Header: w.header, Body: w.body.Bytes()}, nil
	}
	if !whole {
		return a, natsbatch.Retry(fmt.Errorf("the answer broke off after status %d", w.status))
	}
	a = httpAnswer{Status: w.status, Header: w.header, Body: w.body.Bytes()}
	switch a.Status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		err := fmt.Errorf("status %d: %.200s", a.Status, a.Body)
		if own.Load() {
			return a, &natsbatch.RetryError{Err: err, After: ownPause, Uncounted: true}
		}
		return a, &natsbatch.RetryError{Err: err, After: askedFor(a.Header)}
	}
	return a, nil
}

// mostAsked bounds how long an upstream can have a request wait for its next try.
const mostAsked = 5 * time.Minute

// askedFor returns what a Retry-After header asks for (RFC 9110), at most mostAsked; zero:
// nothing.
func askedFor(h http.Header) time.Duration {
	said := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(said, 10, 64); err == nil {
		return time.Duration(min(seconds, uint64(mostAsked/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(said); err == nil {
		return max(0, min(time.Until(at), mostAsked))
	}
	return 0
}

// made returns the request as net/http would have made it: a target that begins with
// two slashes names no host, and one with a "#" has no fragment.
func (req httpRequest) made(ctx context.Context) (*http.Request, error) {
	// This value tells a proxy that it may panic if an answer breaks off.
	ctx = context.WithValue(ctx, http.ServerContextKey, &http.Server{})
	r, err := http.NewRequestWithContext(ctx, req.Method, "/", bytes.NewReader(req.Body))
	if err != nil {
		return nil, err
	}
	r.Header, r.Host, r.RequestURI, r.RemoteAddr = req.Header, req.Host, req.URI, config.Later
	r.URL, err = url.ParseRequestURI(req.URI)
	return r, err
}

var errLong = errors.New("the answer is too long")

// recorder keeps an answer, unless it is longer than can be kept.
type recorder struct {
	status int
	header http.Header
	body   bytes.Buffer
	long   bool // there is more than may be kept
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
}

func (w *recorder) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.long = w.long || w.body.Len()+len(p) > mostBody; w.long {
		return 0, errLong
	}
	return w.body.Write(p)
}

// record has next serve r, and reports whether the answer is whole: a handler that
// cannot send one to its end panics.
func (w *recorder) record(next http.Handler, r *http.Request) (whole bool) {
	defer func() {
		if v := recover(); v != nil && v != http.ErrAbortHandler {
			panic(v)
		}
	}()
	next.ServeHTTP(w, r)
	w.WriteHeader(http.StatusOK)
	return true
}
