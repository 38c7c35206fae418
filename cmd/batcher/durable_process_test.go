//go:build unix

package main_test

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// durableArgs are a durable route to u, kept in dir.
func durableArgs(u *upstream, dir string, more ...string) []string {
	return append([]string{"--store", dir, "--upstream", u.URL, "--protocol", "kserve-v1", "--name", "sum"}, more...)
}

// ask makes a request with this header, in pairs.
func (g *gate) ask(method, path, body string, header ...string) reply {
	g.t.Helper()
	req, err := http.NewRequest(method, g.url+path, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return do(http.DefaultClient, req)
}

const predictPath = "/v1/models/sum:predict"

// later hands predict(n) in, to be answered later, and gives the path of the answer.
func (g *gate) later(n int, key string) (place string) {
	g.t.Helper()
	r := g.ask(http.MethodPost, predictPath, instance(n), "Prefer", "respond-async", "Idempotency-Key", key)
	if r.status != http.StatusAccepted || r.header.Get("Location") == "" || r.header.Get("Preference-Applied") != "respond-async" {
		g.t.Fatalf("got %+v, want 202 with a Location", r)
	}
	return r.header.Get("Location")
}

// queue gives where other processes reach its queue.
func (g *gate) queue() (url string) {
	g.t.Helper()
	said := `msg=durable store=\S+ queue=(nats://\S+)`
	g.hears(said)
	return regexp.MustCompile(said).FindStringSubmatch(g.said())[1]
}

// dies ends it as kill -9 does.
func (g *gate) dies() {
	g.t.Helper()
	g.signal(syscall.SIGKILL)
	<-g.ended
}

// startWorker runs worker on a free admin port.
func startWorker(t *testing.T, args ...string) *gate {
	t.Helper()
	g := runGate(t, append([]string{"worker", "--admin-listen=127.0.0.1:0"}, args...)...)
	said := `msg=serving address=off admin=(\S+)`
	g.hears(said)
	g.admin = "http://" + regexp.MustCompile(said).FindStringSubmatch(g.said())[1]
	return g
}

// configured gives what a file holds.
func (g *gate) configured(name string) string {
	g.t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		g.t.Fatal(err)
	}
	return string(text)
}
