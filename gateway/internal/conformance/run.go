package conformance

import (
	"net/http"
	"sync"
	"testing"
)

// Run runs the suite.
func Run(t *testing.T, f Fixture) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, f Fixture)
	}{
		{"alone", alone},
		{"everyone gets its own", everyoneGetsItsOwn},
		{"split and joined", splitAndJoined},
		{"malformed", malformed},
		{"miscounted", miscounted},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, f) })
	}
}

func alone(t *testing.T, f Fixture) {
	w := start(t, f, nil, nil)
	w.check(1)
	w.check(2, 3)
}

func everyoneGetsItsOwn(t *testing.T, f Fixture) {
	w := start(t, f, nil, nil)
	const callers = 200
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() { w.check(i) })
	}
	all.Wait()
	if n := w.calls(); n > callers/2 {
		t.Errorf("%d upstream calls for %d callers", n, callers)
	}
}

func splitAndJoined(t *testing.T, f Fixture) {
	w := start(t, f, nil, nil)
	ids := make([]int, 50)
	for i := range ids {
		ids[i] = 100 - i
	}
	w.check(ids...)
	if n := w.calls(); n < 4 {
		t.Errorf("%d upstream calls for 50 items, 16 a batch", n)
	}
}

func malformed(t *testing.T, f Fixture) {
	w := start(t, f, nil, nil)
	for _, body := range f.Malformed {
		call := f.Request(1)
		call.Body = body
		if got := w.ask(call); got.status != http.StatusBadRequest {
			t.Errorf("%q: status %d, want 400", body, got.status)
		}
	}
	if n := w.calls(); n != 0 {
		t.Errorf("%d upstream calls, want none", n)
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
