package config_test

import (
	"slices"
	"testing"

	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
)

// What is mistyped, or of a route, is found; what Kubernetes sets for Services
// called batcher and batcher-queue is not.
func TestUnread(t *testing.T) {
	got := config.Unread([]string{
		"HOME=/", "BATCHERS=1", "BATCHER_GRACE=1s", "BATCHER_UPSTREAM_TLS_SERVER_NAME=a",
		"BATCHER_MAX_ITEMS=32", "BATCHER_GRCAE=BATCHER_GRACE=1s", "BATCHER_ADMIN_PORT_NUMBER=1",
		"BATCHER_SERVICE_HOST=10.0.0.1", "BATCHER_SERVICE_PORT=80", "BATCHER_SERVICE_PORT_HTTP=80",
		"BATCHER_PORT=tcp://10.0.0.1:80", "BATCHER_PORT_80_TCP=tcp://10.0.0.1:80", "BATCHER_PORT_80_TCP_PROTO=tcp",
		"BATCHER_PORT_80_TCP_PORT=80", "BATCHER_PORT_80_TCP_ADDR=10.0.0.1", "BATCHER_PORT_53_UDP_ADDR=10.0.0.1",
		"BATCHER_QUEUE_SERVICE_HOST=10.0.0.2", "BATCHER_QUEUE_PORT=tcp://10.0.0.2:80", "BATCHER_QUEUE_PORT_80_TCP=tcp://10.0.0.2:80",
	})
	if want := []string{"BATCHER_ADMIN_PORT_NUMBER", "BATCHER_GRCAE", "BATCHER_MAX_ITEMS"}; !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
