package admin_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gobatcher/batcher/cmd/batcher/internal/admin"
)

// Calls within a second get the same answer.
func TestProbeAsksOnce(t *testing.T) {
	var asked atomic.Int64
	up := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer up.Close()
	p := admin.NewProbe([]string{up.URL}, "/health", http.DefaultTransport)
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if err := p.Ready(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := asked.Load(); got == 0 || got > 3 { // more than one only where ten questions take seconds
		t.Errorf("the upstream was asked %d times, want once", got)
	}
}

func TestProbeNamesEveryUpstream(t *testing.T) {
	up := httptest.NewServer(http.NotFoundHandler())
	defer up.Close()
	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()
	for _, path := range []string{"", "/health"} {
		err := admin.NewProbe([]string{up.URL, down.URL, "http://%zz"}, path, http.DefaultTransport).Ready()
		if err == nil || !strings.Contains(err.Error(), strings.TrimPrefix(down.URL, "http://")) || !strings.Contains(err.Error(), "%zz") {
			t.Errorf("path %q: %v", path, err)
		}
		if saysUp := strings.Contains(err.Error(), strings.TrimPrefix(up.URL, "http://")); saysUp != (path != "") {
			t.Errorf("path %q: %v; the first upstream takes connections and has no /health", path, err)
		}
	}
	if err := admin.NewProbe(nil, "", nil).Ready(); err != nil {
		t.Errorf("without upstreams: %v", err)
	}
}
