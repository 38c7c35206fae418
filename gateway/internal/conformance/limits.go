package conformance

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobatcher/batcher/gateway"
)

// This file is about limits, and about callers that leave.

func oversizedItem(t *testing.T, f Fixture) {
	w := start(t, f, func(r *gateway.Route) { r.MaxBatchBytes = 1 }, nil)
	if got := w.ask(f.Request(1)); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d, want 413: %q", got.status, got.body)
	}
	if n := w.calls(); n != 0 {
		t.Errorf("%d upstream calls, want none", n)
	}
}

func oversizedBody(t *testing.T, f Fixture) {
	w := start(t, f, func(r *gateway.Route) { r.MaxBody = 2000 }, nil)
	call := f.Request(1)
	call.Body += strings.Repeat(" ", 2001)
	if got := w.ask(call); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d, want 413: %q", got.status, got.body)
	}
	w.check(1)
}

// tooMany is about a call of more items than there ever is room for: it is
// refused before its items take memory.
func tooMany(t *testing.T, f Fixture) {
	w := start(t, f, func(r *gateway.Route) { r.MaxItems, r.MaxPending = 2, 2 }, nil)
	if got := w.ask(f.Request(1, 2, 3)); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d, want 413: %q", got.status, got.body)
	}
	if n := w.calls(); n != 0 {
		t.Errorf("%d upstream calls, want none", n)
	}
	w.check(1, 2)
	ids := make([]int, 50_000)
	for i := range ids {
		ids[i] = i
	}
	call := f.Request(ids...)
	r := httptest.NewRequest(call.Method, call.URL, http.NoBody)
	maps.Copy(r.Header, call.Header)
	body := []byte(call.Body)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := f.Protocol.Read(r, body, 10)
	runtime.ReadMemStats(&after)
	var e *gateway.Error
	if !errors.As(err, &e) || e.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("got %v, want an error with status 413", err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 100_000 {
		t.Errorf("%d bytes for 10 items", took)
	}
}

// pending waits until so many items are in the gateway.
func (w *world) pending(n int) {
	w.t.Helper()
	w.until(func() bool { return w.stats().Pending == n })
}

func (w *world) until(condition func() bool) {
	w.t.Helper()
	for end := time.Now().Add(20 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("it does not come to pass: %+v", w.stats())
		}
	}
}

// leftBefore is about a caller that leaves while the batch still gathers.
func leftBefore(t *testing.T, f Fixture) {
	w := start(t, f, func(r *gateway.Route) { r.Delay, r.MaxItems = time.Hour, 3 }, nil)
	var all sync.WaitGroup
	ctx, leave := context.WithCancel(context.Background())
	all.Go(func() {
		if got, err := w.send(ctx, f.Request(1)); err == nil {
			t.Errorf("who left got status %d", got.status)
		}
	})
	w.pending(1)
	all.Go(func() { w.check(2) })
	w.pending(2)
	leave()
	w.until(func() bool { return w.stats().Canceled == 1 })
	got := w.ask(f.Request(3))
	if err := f.Check([]int{3}, got.status, got.header, got.body); err != nil {
		t.Errorf("item 3: %v\nstatus %d, %q", err, got.status, got.body)
	}
	all.Wait()
	if timing := got.header.Get("Server-Timing"); !strings.Contains(timing, " size=2 ") || w.calls() != 1 {
		t.Errorf("%d upstream calls, the last in %s; want one of 2 items", w.calls(), timing)
	}
}

// allLeft is about a batch that nobody waits for any more.
func allLeft(t *testing.T, f Fixture) {
	aborted := make(chan struct{})
	w := start(t, f, func(r *gateway.Route) { r.Delay, r.MaxItems = time.Hour, 4 }, func(_ http.ResponseWriter, r *http.Request, _ []byte) bool {
		<-r.Context().Done()
		close(aborted)
		return true
	})
	var all sync.WaitGroup
	ctx, leave := context.WithCancel(context.Background())
	for _, ids := range [][]int{{1}, {2, 3}, {4}} {
		all.Go(func() {
			if got, err := w.send(ctx, f.Request(ids...)); err == nil {
				t.Errorf("who left got status %d", got.status)
			}
		})
	}
	w.until(func() bool { return w.calls() == 1 })
	leave()
	all.Wait()
	select {
	case <-aborted:
	case <-time.After(20 * time.Second):
		t.Error("the upstream call goes on")
	}
}

func noRoom(t *testing.T, f Fixture) {
	w := start(t, f, func(r *gateway.Route) { r.Delay, r.MaxItems, r.MaxPending = time.Hour, 2, 2 }, nil)
	var all sync.WaitGroup
	all.Go(func() { w.check(1) })
	w.pending(1)
	if got := w.ask(f.Request(2, 3)); got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") == "" {
		t.Errorf("status %d, Retry-After %q, want 429 with one", got.status, got.header.Get("Retry-After"))
	}
	w.check(2)
	all.Wait()
}
