package conformance

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/gateway"
)

// world is a gateway between callers and a stub upstream.
type world struct {
	t       *testing.T
	f       Fixture
	url     string
	handler *gateway.Handler
	behave  func(w http.ResponseWriter, r *http.Request, body []byte) bool // true: it has answered

	mu       sync.Mutex      // guards what follows
	requests []*http.Request // that the upstream got
	bodies   [][]byte
}

// start makes a world whose upstream behaves; nil: as the fixture says.
func start(t *testing.T, f Fixture, change func(*gateway.Route), behave func(w http.ResponseWriter, r *http.Request, body []byte) bool) *world {
	t.Helper()
	w := &world{t: t, f: f, behave: behave}
	stub := httptest.NewServer(http.HandlerFunc(w.upstream))
	t.Cleanup(stub.Close)
	up, err := gateway.NewHTTP(stub.URL, gateway.HTTPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	route := gateway.Route{Pattern: f.Pattern, Protocol: f.Protocol, Upstream: up, MaxItems: 16, Delay: 5 * time.Millisecond, MaxConcurrent: 4}
	if f.Options != nil {
		f.Options(&route)
	}
	if change != nil {
		change(&route)
	}
	if w.handler, err = gateway.New([]gateway.Route{route}, gateway.Options{}); err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(w.handler)
	t.Cleanup(func() {
		front.Close()
		if err := w.handler.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	w.url = front.URL
	return w
}

func (w *world) upstream(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	w.mu.Lock()
	w.requests, w.bodies = append(w.requests, r), append(w.bodies, body)
	w.mu.Unlock()
	if w.behave != nil && w.behave(rw, r, body) {
		return
	}
	w.answer(rw, r, body, 0)
}

// answer answers as the fixture does.
func (w *world) answer(rw http.ResponseWriter, r *http.Request, body []byte, extra int) {
	a, err := w.f.Answer(r, body, extra)
	if err != nil {
		w.t.Errorf("the upstream cannot read %s %s %q: %v", r.Method, r.URL, body, err)
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	maps.Copy(rw.Header(), a.Header)
	rw.WriteHeader(max(a.Status, http.StatusOK))
	_, _ = rw.Write(a.Body)
}

// calls counts the upstream's calls.
func (w *world) calls() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.requests)
}

func (w *world) stats() batcher.Stats { return w.handler.Stats()[w.f.Pattern] }

// reply is an answer as a client gets it.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// send makes a call.
func (w *world) send(ctx context.Context, call Request) (reply, error) {
	req, err := http.NewRequestWithContext(ctx, call.Method, w.url+call.URL, strings.NewReader(call.Body))
	if err != nil {
		return reply{}, err
	}
	maps.Copy(req.Header, call.Header)
	res, err := client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, bytes.Clone(body)}, err
}

var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 512, MaxIdleConns: 512}}

// ask sends a call that must be answered.
func (w *world) ask(call Request) reply {
	w.t.Helper()
	got, err := w.send(context.Background(), call)
	if err != nil {
		w.t.Errorf("%s %s: %v", call.Method, call.URL, err)
	}
	return got
}

// check asks for ids and checks the answer.
func (w *world) check(ids ...int) {
	w.t.Helper()
	got := w.ask(w.f.Request(ids...))
	if err := w.f.Check(ids, got.status, got.header, got.body); err != nil {
		w.t.Errorf("items %v: %v\nstatus %d, %q", ids, err, got.status, got.body)
	}
}
