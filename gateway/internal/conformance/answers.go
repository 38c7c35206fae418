package conformance

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobatcher/batcher/gateway"
)

// This file is about right answers.

func alone(t *testing.T, f Fixture) {
	w := start(t, f, nil, nil)
	w.check(1)
	w.check(2, 3)
}

func everyoneGetsItsOwn(t *testing.T, f Fixture) {
	w := start(t, f, nil, nil)
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() { w.check(i) })
	}
	all.Wait()
}

// crowd lets 10,000 callers without sockets of their own ask, all at once or as
// many at once as the race detector can bear.
func crowd(t *testing.T, f Fixture) {
	w := start(t, f, func(r *gateway.Route) { r.MaxItems, r.MaxConcurrent = 64, 2 }, nil)
	room := make(chan struct{}, mostGoroutines)
	var all sync.WaitGroup
	for i := range 10000 {
		room <- struct{}{}
		all.Go(func() {
			defer func() { <-room }()
			call := f.Request(i)
			r := httptest.NewRequestWithContext(context.Background(), call.Method, call.URL, strings.NewReader(call.Body))
			maps.Copy(r.Header, call.Header)
			rec := httptest.NewRecorder()
			w.handler.ServeHTTP(rec, r)
			if err := f.Check([]int{i}, rec.Code, rec.Header(), rec.Body.Bytes()); err != nil {
				t.Errorf("item %d: %v\nstatus %d, %q", i, err, rec.Code, rec.Body)
			}
		})
	}
	all.Wait()
	if n := w.calls(); n > 5000 {
		t.Errorf("%d upstream calls for 10,000 callers", n)
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

func callsOfAllSizes(t *testing.T, f Fixture) {
	w := start(t, f, nil, nil)
	rnd := rand.New(rand.NewPCG(1, 2))
	var all sync.WaitGroup
	for range 60 {
		ids := make([]int, 1+rnd.IntN(20))
		for i := range ids {
			ids[i] = rnd.IntN(1000)
		}
		all.Go(func() { w.check(ids...) })
	}
	all.Wait()
}

// echo answers right, and says to which caller.
func echo(f *Fixture, of func(r *http.Request) string) {
	answer := f.Answer
	f.Answer = func(r *http.Request, body []byte, extra int) (Answer, error) {
		a, err := answer(r, body, extra)
		a.Header = a.Header.Clone()
		if a.Header == nil {
			a.Header = make(http.Header)
		}
		a.Header.Set("X-Echo", of(r))
		return a, err
	}
}

// dividing is about callers that differ in one way and ask at once.
func dividing(t *testing.T, f Fixture, change func(call *Request, who string)) {
	w := start(t, f, func(r *gateway.Route) { r.Headers, r.Delay = []string{"x-tenant"}, 100*time.Millisecond }, nil)
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() {
			who := fmt.Sprint("who", i%3)
			call := f.Request(i)
			call.Header = call.Header.Clone()
			if call.Header == nil {
				call.Header = make(http.Header)
			}
			change(&call, who)
			got := w.ask(call)
			if err := f.Check([]int{i}, got.status, got.header, got.body); err != nil || got.header.Get("X-Echo") != who {
				t.Errorf("item %d of %s: %v\nstatus %d, batch of %q, %q", i, who, err, got.status, got.header.Get("X-Echo"), got.body)
			}
		})
	}
	all.Wait()
	if n := w.calls(); n < 3 || n > 40 {
		t.Errorf("%d upstream calls for 60 calls of 3 kinds", n)
	}
}

func headersDivide(t *testing.T, f Fixture) {
	for _, name := range []string{"Authorization", "X-Tenant"} {
		f := f
		echo(&f, func(r *http.Request) string { return r.Header.Get(name) })
		dividing(t, f, func(call *Request, who string) { call.Header.Set(name, who) })
	}
}

func queriesDivide(t *testing.T, f Fixture) {
	echo(&f, func(r *http.Request) string { return r.URL.Query().Get(f.query()) })
	dividing(t, f, func(call *Request, who string) {
		between := "?"
		if strings.Contains(call.URL, "?") {
			between = "&"
		}
		call.URL += between + f.query() + "=" + who
	})
}

func bodiesDivide(t *testing.T, f Fixture) {
	if f.Other == nil {
		return
	}
	w := start(t, f, nil, nil)
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			if i%2 == 0 {
				w.check(i)
				return
			}
			got := w.ask(f.Other(i))
			if err := f.Check([]int{i}, got.status, got.header, got.body); err != nil {
				t.Errorf("item %d: %v\nstatus %d, %q", i, err, got.status, got.body)
			}
		})
	}
	all.Wait()
}
