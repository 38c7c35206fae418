package serve

import (
	"testing"
	"time"

	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
)

// The environment puts no proxy between the gateway and its upstreams.
func TestUpstreamsAreAskedDirectly(t *testing.T) {
	made, err := (&server{}).transport(config.Default())
	if err != nil {
		t.Fatal(err)
	}
	if made.Proxy != nil {
		t.Errorf("got %+v", made)
	}
}

// A connection of HTTP/2 to an upstream that has died without a word is given up:
// TestHTTP2UpstreamFallsSilent of package gateway shows what that is good for.
func TestSilentUpstreamsAreGivenUp(t *testing.T) {
	made, err := (&server{}).transport(config.Default())
	if err != nil {
		t.Fatal(err)
	}
	if made.HTTP2 == nil || made.HTTP2.SendPingTimeout+made.HTTP2.PingTimeout != 30*time.Second {
		t.Errorf("got %+v", made.HTTP2)
	}
}
