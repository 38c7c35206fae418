//go:build unix

package main_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
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

// A caller is refused at once while requests that nobody waits for are finished.
func TestDurableDrains(t *testing.T) {
	u, dir := startUpstream(t), t.TempDir()
	g := startGate(t, durableArgs(u, dir)...)
	u.hold()
	place := g.later(1, "a")
	until(t, "the upstream is asked", func() bool { return len(u.calls()) == 1 })
	g.signal(syscall.SIGTERM)
	g.hears("msg=draining")
	if r := g.predict(2); r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" {
		t.Errorf("who comes while it drains gets %+v, want 503 with Retry-After", r)
	}
	u.release()
	g.end(0)
	g = startGate(t, durableArgs(u, dir)...)
	r := g.ask(http.MethodGet, place, "")
	r.want(t, 1)
	if n := len(u.calls()); n != 1 {
		t.Errorf("the upstream was asked %d times", n)
	}
}

// Servers that do not answer keep nobody from ending the program.
func TestDurableEndsThoughNobodyAnswers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	asked := make(chan struct{})
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		fmt.Fprint(conn, `INFO {"server_id":"x","version":"2.10.0","max_payload":1048576,"headers":true,"proto":1}`+"\r\n")
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			switch {
			case strings.HasPrefix(lines.Text(), "PING"):
				fmt.Fprint(conn, "PONG\r\n")
			case strings.HasPrefix(lines.Text(), "HPUB"), strings.HasPrefix(lines.Text(), "PUB"):
				asked <- struct{}{}
			}
		}
	}()
	g := newGate(t, "--upstream=http://127.0.0.1:1", "--protocol=kserve-v1", "--nats=nats://"+l.Addr().String())
	<-asked
	start := time.Now()
	g.signal(syscall.SIGTERM)
	g.end(128 + int(syscall.SIGTERM))
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it ended after %v", took)
	}
}

// What the store's server complains of, such as a full disk or, here, a stranger at its
// port, is in the log, without what it quotes of the stranger.
func TestDurableStoreComplains(t *testing.T) {
	g := startGate(t, durableArgs(startUpstream(t), t.TempDir(), "--queue-listen=127.0.0.1:0")...)
	stranger, err := net.Dial("tcp", strings.TrimPrefix(g.queue(), "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	if _, err := stranger.Write([]byte("POST secret\r\n")); err != nil {
		t.Fatal(err)
	}
	g.hears(`level=ERROR msg="the store complains" err=".*parser ERROR`)
	if strings.Contains(g.said(), "secret") {
		t.Errorf("the log quotes what a stranger has sent:\n%s", g.said())
	}
}
