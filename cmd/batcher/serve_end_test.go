//go:build unix

package main_test

import (
	"net/http"
	"syscall"
	"testing"
)

// waiting makes a request that the upstream holds.
func (g *gate) waiting(u *upstream, n int) <-chan reply {
	g.t.Helper()
	u.hold()
	before := len(u.calls())
	answer := make(chan reply, 1)
	go func() { answer <- g.predict(n) }()
	until(g.t, "the upstream is asked", func() bool { return len(u.calls()) > before })
	return answer
}

func TestServeDrains(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		u := startUpstream(t)
		g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1")
		answer := g.waiting(u, 1)
		g.signal(sig)
		g.hears("msg=draining")
		if status, body := get(t, g.admin+"/readyz"); status != http.StatusServiceUnavailable || body != "draining\n" {
			t.Errorf("/readyz gives %d %q", status, body)
		}
		if r := g.predict(2); r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" {
			t.Errorf("who comes while it drains gets %+v, want 503 with Retry-After", r)
		}
		u.release()
		r := <-answer
		r.want(t, 1)
		g.end(0)
		g.hears("msg=ended clean=true")
	}
}

func TestServeGracePeriodEnds(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1", "--grace", "50ms")
	answer := g.waiting(u, 1)
	g.signal(syscall.SIGTERM)
	if r := <-answer; r.status != http.StatusServiceUnavailable && r.err == nil {
		t.Errorf("got %+v, want 503 or a closed connection", r)
	}
	g.end(1)
	g.hears("requests were cut off: the grace period is over")
}

func TestServeSecondSignalEndsAtOnce(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1", "--grace", "1h")
	answer := g.waiting(u, 1)
	g.signal(syscall.SIGTERM)
	g.hears("msg=draining")
	g.signal(syscall.SIGTERM)
	g.end(1)
	<-answer
	g.hears("requests were cut off: a second signal")
}

func TestServeIdleEnds(t *testing.T) {
	g := startGate(t, "--upstream", "http://127.0.0.1:1", "--protocol", "kserve-v1")
	g.signal(syscall.SIGTERM)
	g.end(0)
}
