//go:build unix

package main_test

import (
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

// A connection without a request is given up before the upstream does.
func TestServeKeepsConnectionsForAWhile(t *testing.T) {
	u := newUpstream(t)
	var came, ended atomic.Int32
	u.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			came.Add(1)
		case http.StateClosed:
			ended.Add(1)
		}
	}
	u.Start()
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1")
	for n := range 3 {
		g.predict(n).want(t, n)
	}
	start := time.Now()
	until(t, "the connection ends", func() bool { return ended.Load() == came.Load() })
	if took := time.Since(start); came.Load() != 1 || took < 2*time.Second || took > 20*time.Second {
		t.Errorf("%d connections, the last ended after %v", came.Load(), took)
	}
}
