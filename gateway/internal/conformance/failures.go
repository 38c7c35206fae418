package conformance

import (
	"bytes"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobatcher/batcher/gateway"
)

// This file is about upstreams that fail.

func malformed(t *testing.T, f Fixture) {
	w := start(t, f, nil, nil)
	for _, body := range f.Malformed {
		call := f.Request(1)
		call.Body = body
		if got := w.ask(call); got.status != http.StatusBadRequest {
			t.Errorf("%q: status %d, want 400: %q", body, got.status, got.body)
		}
	}
	if n := w.calls(); n != 0 {
		t.Errorf("%d upstream calls, want none", n)
	}
}

// passedThrough is about calls that must not meet others: the upstream gets
// them byte by byte, and decides.
func passedThrough(t *testing.T, f Fixture) {
	const said = "as you like it"
	w := start(t, f, func(r *gateway.Route) { r.Delay = time.Hour }, func(rw http.ResponseWriter, _ *http.Request, _ []byte) bool {
		rw.WriteHeader(http.StatusAccepted)
		_, _ = rw.Write([]byte(said))
		return true
	})
	for i, body := range f.Alone {
		call := f.Request(1)
		call.Body = body
		if got := w.ask(call); got.status != http.StatusAccepted || string(got.body) != said {
			t.Errorf("%q: status %d, %q", body, got.status, got.body)
		}
		if w.calls() != i+1 || string(w.bodies[i]) != body {
			t.Errorf("%q: %d upstream calls, %q", body, w.calls(), w.bodies)
		}
	}
}

func miscounted(t *testing.T, f Fixture) {
	for _, extra := range []int{-1, 1} {
		var w *world
		w = start(t, f, nil, func(rw http.ResponseWriter, r *http.Request, body []byte) bool {
			w.answer(rw, r, body, extra)
			return true
		})
		for range 2 {
			if got := w.ask(f.Request(1, 2, 3)); got.status != http.StatusBadGateway {
				t.Errorf("%+d results: status %d, want 502: %q", extra, got.status, got.body)
			}
		}
	}
}

func garbage(t *testing.T, f Fixture) {
	for _, text := range []string{"", "{", "<html>", "[]", "{}", "null", `"text"`, "[1,2", "\x00"} {
		w := start(t, f, nil, func(rw http.ResponseWriter, _ *http.Request, _ []byte) bool {
			_, _ = rw.Write([]byte(text))
			return true
		})
		if got := w.ask(f.Request(1, 2)); got.status != http.StatusBadGateway {
			t.Errorf("upstream said %q: status %d, want 502: %q", text, got.status, got.body)
		}
	}
}

// refused is about a batch that the upstream refuses while others succeed.
func refused(t *testing.T, f Fixture) {
	const said = `{"upstream":"no"}`
	w := start(t, f, nil, func(rw http.ResponseWriter, r *http.Request, _ []byte) bool {
		if r.Header.Get("Authorization") != "refuse" {
			return false
		}
		rw.Header().Set("Content-Type", "application/problem+json")
		rw.WriteHeader(http.StatusForbidden)
		_, _ = rw.Write([]byte(said))
		return true
	})
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if i%2 == 0 {
				w.check(i)
				return
			}
			call := f.Request(i)
			call.Header = http.Header{"Authorization": {"refuse"}, "Content-Type": call.Header["Content-Type"]}
			got := w.ask(call)
			if got.status != http.StatusForbidden || string(got.body) != said || got.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("status %d, %q, %q", got.status, got.header, got.body)
			}
		})
	}
	all.Wait()
}

// overheard is about an upstream that answers a batch of three callers wrongly: no
// caller may see what is another's.
func overheard(t *testing.T, f Fixture) {
	const odd = "4711999" // in the place of what the second asked
	ids := []int{4711001, 4711003, 4711005}
	wrong := strings.NewReplacer(strconv.Itoa(ids[1]), odd)
	for _, test := range []struct {
		status, extra int
		wrong         bool
	}{{300, 0, false}, {400, 0, false}, {404, 0, false}, {500, 0, false}, {200, -1, false}, {200, 1, false}, {200, 0, true}} {
		w := start(t, f, func(r *gateway.Route) { r.Delay, r.MaxItems = time.Hour, len(ids) }, func(rw http.ResponseWriter, r *http.Request, body []byte) bool {
			a, err := f.Answer(r, body, test.extra)
			if err != nil {
				t.Errorf("%q: %v", body, err)
			}
			if test.wrong {
				a.Body = []byte(wrong.Replace(string(a.Body)))
			}
			for name, values := range a.Header {
				if name != "Content-Length" {
					rw.Header()[name] = values
				}
			}
			rw.WriteHeader(test.status)
			_, _ = rw.Write(a.Body)
			return true
		})
		var all sync.WaitGroup
		for i, id := range ids {
			all.Go(func() {
				got := w.ask(f.Request(id))
				for k, other := range ids {
					if k != i && (bytes.Contains(got.body, []byte(strconv.Itoa(other))) || i != 1 && bytes.Contains(got.body, []byte(odd))) {
						t.Errorf("%+v: item %d gets item %d: status %d, %q", test, id, other, got.status, got.body)
					}
				}
			})
		}
		all.Wait()
	}
}

func unavailable(t *testing.T, f Fixture) {
	w := start(t, f, nil, func(rw http.ResponseWriter, _ *http.Request, _ []byte) bool {
		rw.Header().Set("Retry-After", "17")
		rw.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	if got := w.ask(f.Request(1)); got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") != "17" || len(got.body) != 0 {
		t.Errorf("status %d, Retry-After %q, %q", got.status, got.header.Get("Retry-After"), got.body)
	}
}

// reset is about answers that are cut off.
func reset(t *testing.T, f Fixture) {
	w := start(t, f, nil, func(rw http.ResponseWriter, _ *http.Request, _ []byte) bool {
		rw.Header().Set("Content-Length", "1000")
		_, _ = rw.Write([]byte(`{"`))
		panic(http.ErrAbortHandler)
	})
	if got := w.ask(f.Request(1)); got.status != http.StatusBadGateway {
		t.Errorf("status %d, want 502: %q", got.status, got.body)
	}
	w = start(t, f, nil, func(http.ResponseWriter, *http.Request, []byte) bool { panic(http.ErrAbortHandler) })
	if got := w.ask(f.Request(1)); got.status != http.StatusBadGateway {
		t.Errorf("status %d, want 502: %q", got.status, got.body)
	}
}

// slow is about an answer that dribbles in.
func slow(t *testing.T, f Fixture) {
	w := start(t, f, nil, func(rw http.ResponseWriter, r *http.Request, body []byte) bool {
		a, err := f.Answer(r, body, 0)
		if err != nil {
			t.Errorf("%q: %v", body, err)
		}
		maps.Copy(rw.Header(), a.Header)
		rw.WriteHeader(max(a.Status, http.StatusOK))
		for part := range bytes.SplitAfterSeq(a.Body, []byte(",")) {
			_, _ = rw.Write(part)
			_ = http.NewResponseController(rw).Flush()
			time.Sleep(time.Millisecond)
		}
		return true
	})
	w.check(1, 2, 3)
}

func tooSlow(t *testing.T, f Fixture) {
	over := make(chan struct{})
	defer close(over)
	w := start(t, f, func(r *gateway.Route) { r.Timeout = 50 * time.Millisecond }, func(_ http.ResponseWriter, r *http.Request, _ []byte) bool {
		select {
		case <-over:
		case <-r.Context().Done():
		}
		return true
	})
	if got := w.ask(f.Request(1)); got.status != http.StatusGatewayTimeout {
		t.Errorf("status %d, want 504: %q", got.status, got.body)
	}
}

// Culprit is an item because of which the upstream refuses a batch.
const Culprit = 31337

// refusesCulprit is how an upstream behaves that does so.
func refusesCulprit(rw http.ResponseWriter, _ *http.Request, body []byte) bool {
	if !bytes.Contains(body, []byte(strconv.Itoa(Culprit))) {
		return false
	}
	rw.WriteHeader(http.StatusUnprocessableEntity)
	_, _ = rw.Write([]byte("bad item"))
	return true
}

// culpritAlone is about an item that makes the upstream refuse all of them.
func culpritAlone(t *testing.T, f Fixture) {
	w := start(t, f, func(r *gateway.Route) { r.Isolate, r.Delay, r.MaxItems = true, time.Hour, 8 }, refusesCulprit)
	w.blamed(f.Request(Culprit), 7)
}

// blamed asks for what the upstream refuses, and for n other items meanwhile.
func (w *world) blamed(call Request, n int) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { w.check(i) })
	}
	if got := w.ask(call); got.status != http.StatusUnprocessableEntity || string(got.body) != "bad item" {
		w.t.Errorf("%q: status %d, %q", call.Body, got.status, got.body)
	}
	all.Wait()
}

// odd is about values that some upstreams refuse, with all of a batch, and others
// take: the call that holds one meets no others, and its items stay together.
func odd(t *testing.T, f Fixture) {
	for _, value := range []string{`"\ud83d"`, `"\ude00\ud83d"`, `{"\ud83d":1}`, `"\u0000"`, "NaN", "-Infinity", "1e400", "-1E+999", "18446744073709551616", strings.Repeat("9", 400),
		strings.Repeat("[", 40) + strings.Repeat("]", 40)} {
		w := start(t, f, nil, refusesCulprit)
		w.blamed(f.Odd(value), 7)
		times := 0
		for _, body := range w.bodies {
			if bytes.Contains(body, []byte(strconv.Itoa(Culprit))) {
				times++
			}
		}
		if times != 1 {
			t.Errorf("%s: sent %d times, want once: %q", value, times, w.bodies)
		}
	}
}
