package clients_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobatcher/batcher/gateway"
)

// callers ask at once in each test.
const callers = 50

// front is a gateway before a stub upstream.
type front struct {
	url   string
	calls atomic.Int64 // that the upstream got
	items atomic.Int64 // that were batched
}

// start puts a gateway in front of a stub. What is no call is passed through.
func start(t *testing.T, protocol gateway.Protocol, stub http.Handler) *front {
	t.Helper()
	f := &front{}
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.calls.Add(1)
		stub.ServeHTTP(w, r)
	}))
	t.Cleanup(behind.Close)
	up, err := gateway.NewHTTP(behind.URL, gateway.HTTPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	route := gateway.Route{Pattern: "/", Protocol: protocol, Upstream: up, MaxItems: 1000, MinItems: callers, Delay: 100 * time.Millisecond}
	observer := gateway.Observer{Exchanged: func(_ context.Context, e gateway.Exchange) { f.items.Add(int64(e.Batch.Size)) }}
	handler, err := gateway.New([]gateway.Route{route}, gateway.Options{Observer: observer})
	if err != nil {
		t.Fatal(err)
	}
	before := httptest.NewServer(handler)
	t.Cleanup(func() {
		before.Close()
		if err := handler.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	f.url = before.URL
	return f
}

// each lets all callers ask at once, and checks that the upstream was asked much
// less often.
func (f *front) each(t *testing.T, ask func(i int)) {
	t.Helper()
	before := f.calls.Load()
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() { ask(i) })
	}
	all.Wait()
	if n := f.calls.Load() - before; n > callers/2 {
		t.Errorf("%d upstream calls for %d callers", n, callers)
	}
}
