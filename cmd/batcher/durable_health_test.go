//go:build unix

package main_test

import (
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// dropConsumer deletes a consumer of the queues at a server.
func dropConsumer(t *testing.T, url, name string) {
	t.Helper()
	if err := streamsAt(t, url).DeleteConsumer(t.Context(), "bq_main_req", name); err != nil {
		t.Fatal(err)
	}
}

// A worker that gets no requests, because somebody has deleted its consumer, is not ready
// until the configuration is read again, and the log says both.
func TestDurableReadinessSeesAMissingConsumer(t *testing.T) {
	u := startUpstream(t)
	server := startGate(t, durableArgs(u, t.TempDir(), "--queue-listen=127.0.0.1:0")...)
	w := startWorker(t, "--nats", server.queue(), "--upstream", u.URL, "--protocol", "kserve-v1", "--name", "sum")
	if ready, why := w.ready(); !ready {
		t.Errorf("not ready: %s", why)
	}
	dropConsumer(t, server.queue(), "sum_normal")
	var why string
	until(t, "it is not ready", func() bool {
		var ready bool
		ready, why = w.ready()
		return !ready
	})
	if !strings.Contains(why, "route sum: natsbatch: unhealthy: pulls for consumer sum_normal") {
		t.Errorf("it says %q, though a consumer is missing", why)
	}
	w.hears(`level=WARN msg="the queues do not work as they should" err="route sum: .* consumer sum_normal`)
	w.signal(syscall.SIGHUP)
	until(t, "it is ready again", func() bool { ready, _ := w.ready(); return ready })
	w.hears(`msg="the queues work again"`)
}

// Callers who wait need no queue of requests that nobody waits for: without it a gateway is
// ready. The log says what is the matter, and reading the configuration again mends it.
func TestDurableReadinessIsForThoseWhoWait(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, durableArgs(u, t.TempDir(), "--queue-listen=127.0.0.1:0")...)
	dropConsumer(t, g.queue(), "_later_normal")
	const said = `level=WARN msg="the queues do not work as they should" err="route \(later\): .* consumer _later_normal`
	until(t, "the log says it", func() bool {
		if ready, why := g.ready(); !ready {
			t.Fatalf("not ready: %s", why)
		}
		return regexp.MustCompile(said).MatchString(g.said())
	})
	g.signal(syscall.SIGHUP)
	until(t, "the log says that it is over", func() bool {
		g.ready()
		return strings.Contains(g.said(), `msg="the queues work again"`)
	})
	place := g.later(1, "one")
	r := g.ask(http.MethodGet, place, "", "Prefer", "wait=60")
	r.want(t, 1)
}
