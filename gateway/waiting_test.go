package gateway_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobatcher/batcher/gateway"
)

// What a call that waits costs besides its connection, which is not the
// gateway's: less than 10,000 bytes, its stack and 1 KB of body included.
func TestWaitingCallsAreSmall(t *testing.T) {
	const calls = 2000
	h := newHandler(t, gateway.Route{Pattern: "/v1/models/{rest...}", Protocol: gateway.NewKServeV1(), Upstream: &upper{}, Delay: time.Hour, MaxItems: -1}, gateway.Options{})
	body := `{"instances":[[1.5` + strings.Repeat(",0.25", 200) + `]]}`
	before := held()
	ctx, leave := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range calls {
		all.Go(func() {
			h.ServeHTTP(nobody{make(http.Header)}, httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/models/m:predict", strings.NewReader(body)))
		})
	}
	until(t, func() bool { return h.Stats()["/v1/models/{rest...}"].Pending == calls })
	each := int64(held()-before) / calls
	leave()
	all.Wait()
	if each > mostPerCall {
		t.Errorf("%d bytes a call", each)
	}
}

// held is memory in use, stacks included.
func held() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
