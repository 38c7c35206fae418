//go:build unix

package main_test

import (
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

func (g *gate) ready() (bool, string) {
	status, body := get(g.t, g.admin+"/readyz")
	return status == http.StatusOK, body
}

// Readiness follows the upstream, health does not.
func TestServeReadinessFollowsTheUpstream(t *testing.T) {
	u := newUpstream(t) // it listens, and answers later
	address := u.Listener.Addr().String()
	u.Listener.Close()
	g := startGate(t, "--upstream", "http://"+address, "--protocol", "kserve-v1")
	if ready, why := g.ready(); ready || !strings.Contains(why, address) {
		t.Errorf("ready is %t and says %q, though nobody listens at %s", ready, why, address)
	}
	if status, _ := get(t, g.admin+"/healthz"); status != http.StatusOK {
		t.Errorf("/healthz gives %d", status)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	u.Listener = listener
	u.Start()
	until(t, "it is ready", func() bool { ready, _ := g.ready(); return ready })
	u.Close()
	until(t, "it is not ready", func() bool { ready, _ := g.ready(); return !ready })
}

func TestServeProbe(t *testing.T) {
	var status atomic.Int64
	status.Store(http.StatusServiceUnavailable)
	u := newUpstream(t)
	u.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/health" {
			t.Errorf("asked for %s", r.URL)
		}
		w.WriteHeader(int(status.Load()))
	})
	u.Start()
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1", "--admin-probe", "/health")
	if ready, why := g.ready(); ready || !strings.Contains(why, "/health answered 503") {
		t.Errorf("ready is %t and says %q", ready, why)
	}
	status.Store(http.StatusNoContent)
	until(t, "it is ready", func() bool { ready, _ := g.ready(); return ready })
}

// What matches no route has an upstream too, which counts.
func TestServeReadinessOfTheUpstreamForTheRest(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, "--config", file(t, "batcher.yaml", "upstream: http://127.0.0.1:1\nroutes: [{pattern: /own/, protocol: kserve-v1, upstream: "+u.URL+"}]\n"))
	if ready, why := g.ready(); ready || !strings.Contains(why, "127.0.0.1:1") {
		t.Errorf("ready is %t and says %q", ready, why)
	}
}

func TestServeAdminPortOff(t *testing.T) {
	u := startUpstream(t)
	cmd := newGate(t, "--listen=127.0.0.1:0", "--admin-listen=off", "--upstream", u.URL, "--protocol", "kserve-v1")
	cmd.hears("msg=serving address=[0-9.:]+ admin=off")
}

// The service port has nothing for operators.
func TestServeAdminPortIsApart(t *testing.T) {
	g := startGate(t, "--protocol=exec", "--command=cat")
	for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
		if status, _ := get(t, g.url+path); status != http.StatusNotFound {
			t.Errorf("%s on the service port gives %d, want 404", path, status)
		}
	}
	if r := post(g.admin+"/", `[1]`); r.status != http.StatusNotFound {
		t.Errorf("a call on the admin port gives %d, want 404", r.status)
	}
}
