//go:build unix

package main_test

import (
	"strings"
	"syscall"
	"testing"
)

// A variable that is mistyped, or of a key of routes, is named by check and serve.
func TestVariableThatSetsNothing(t *testing.T) {
	t.Setenv("BATCHER_MAX_ITEMS", "32")
	t.Setenv("BATCHER_PORT_8080_TCP", "tcp://10.0.0.1:8080")
	route := []string{"--protocol=exec", "--command=cat"}
	o := run("", append([]string{"check"}, route...)...)
	if o.status != 0 || !strings.Contains(o.stdout, "The environment variable BATCHER_MAX_ITEMS sets nothing") || strings.Contains(o.stdout, "8080_TCP") {
		t.Errorf("got %+v", o)
	}
	g := startGate(t, route...)
	g.hears("level=WARN msg=.an environment variable sets nothing. name=BATCHER_MAX_ITEMS")
	if strings.Contains(g.said(), "8080_TCP") {
		t.Errorf("it said\n%s", g.said())
	}
	g.signal(syscall.SIGTERM)
	g.end(0)
}
