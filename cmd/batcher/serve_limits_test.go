//go:build unix

package main_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// dial opens a connection to the service port.
func (g *gate) dial() net.Conn {
	g.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(g.url, "http://"))
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return conn
}

func TestServeLimitsOfSize(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1", "--limits-header", "1KiB", "--max-body", "1KiB")
	if r := post(g.url+"/v1/models/sum:predict", instance(1)+strings.Repeat(" ", 1024)); r.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a long body gets %+v, want 413", r)
	}
	req, err := http.NewRequest(http.MethodGet, g.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Long", strings.Repeat("x", 16<<10))
	if r := do(http.DefaultClient, req); r.status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a long header gets %+v, want 431", r)
	}
	if len(u.calls()) != 0 {
		t.Errorf("the upstream got %v", u.calls())
	}
}

func TestServeLimitsOfTime(t *testing.T) {
	with := func(limit string) *gate { // one limit each: a caller must keep to the others
		return startGate(t, "--upstream=http://127.0.0.1:1", "--protocol=kserve-v1", limit)
	}
	slow := with("--limits-header-time=100ms").dial()
	fmt.Fprint(slow, "GET / HTTP/1.1\r\nHost: x\r\n")
	if text, err := io.ReadAll(slow); err != nil {
		t.Errorf("who is slow with a header: %q, %v, want the end of the connection", text, err)
	}
	late := with("--limits-body-time=100ms").dial()
	fmt.Fprint(late, "POST /v1/models/sum:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf of it")
	if res, err := http.ReadResponse(bufio.NewReader(late), nil); err != nil || res.StatusCode != http.StatusRequestTimeout {
		t.Errorf("who is slow with a body: %+v, %v, want 408", res, err)
	}
	idle := with("--limits-idle=100ms").dial()
	fmt.Fprint(idle, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	answers := bufio.NewReader(idle)
	res, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, res.Body)
	if _, err := answers.ReadByte(); err != io.EOF {
		t.Errorf("who is idle: %v, want the end of the connection", err)
	}
}

// What limits a body that is passed through is told too, though it ends the
// context of the request; and who ends half of the connection does not read 200
// in place of an answer.
func TestServeLimitsOfTimeForWhatPasses(t *testing.T) {
	up := startSilent(t)
	g := startGate(t, "--upstream", up.URL, "--protocol=kserve-v1", "--limits-body-time=100ms")
	for range 10 {
		late := g.dial()
		fmt.Fprint(late, "POST /else HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf of it")
		if res, err := http.ReadResponse(bufio.NewReader(late), nil); err != nil || res.StatusCode != http.StatusRequestTimeout {
			t.Errorf("who is slow gets %+v, %v, want 408", res, err)
		}
	}
	g.counts(`batcher_requests_total{code="408",passed="true",route="/"}`, 10)
	half := g.dial()
	fmt.Fprint(half, "GET /else HTTP/1.1\r\nHost: x\r\n\r\n")
	half.(*net.TCPConn).CloseWrite()
	if text, err := io.ReadAll(half); err != nil || len(text) > 0 {
		t.Errorf("who ends half of the connection gets %q, %v", text, err)
	}
	g.counts(`batcher_requests_total{code="499",passed="true",route="/"}`, 1)
}

// A client that does not take an answer that no buffer holds loses the connection, and
// who takes it slowly gets all of it.
func TestServeAnswersAreTaken(t *testing.T) {
	g := startGate(t, "--protocol=exec", "--command=cat", "--max-body=64MiB", "--max-pending-bytes=128MiB", "--max-batch-bytes=64MiB", "--limits-answer-time=1s")
	body := `["` + strings.Repeat("x", 24<<20) + `"]`
	ask := func() net.Conn {
		conn := g.dial()
		fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		return conn
	}
	ask()
	g.counts("batcher_connections", 0)

	slow := ask()
	res, err := http.ReadResponse(bufio.NewReaderSize(slow, 1<<20), nil)
	if err != nil {
		t.Fatal(err)
	}
	got := 0
	for buffer := make([]byte, 2<<20); err == nil; time.Sleep(200 * time.Millisecond) {
		var n int
		n, err = io.ReadFull(res.Body, buffer)
		got += n
	}
	if got != len(body) {
		t.Errorf("who is slow got %d of %d bytes, %v", got, len(body), err)
	}
}

func TestServeLimitsConnections(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1", "--limits-connections", "1")
	first := g.dial()
	g.counts("batcher_connections", 1)
	second := g.dial()
	fmt.Fprintf(second, "POST /v1/models/sum:predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(instance(1)), instance(1))
	second.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if n, err := second.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Error("a second connection is served")
	}
	first.Close()
	second.SetReadDeadline(time.Now().Add(patience))
	res, err := http.ReadResponse(bufio.NewReader(second), nil)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("after the first has gone: %v, %v", res, err)
	}
}

// Too many pending requests are told to come again.
func TestServeLimitsPending(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1", "--max-items=1", "--max-pending=1")
	answer := g.waiting(u, 1)
	if r := g.predict(2); r.status != http.StatusTooManyRequests || r.header.Get("Retry-After") == "" {
		t.Errorf("got %+v, want 429 with Retry-After", r)
	}
	u.release()
	r := <-answer
	r.want(t, 1)
}

func TestServeTimeout(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1", "--timeout=50ms")
	u.hold()
	if r := g.predict(1); r.status != http.StatusGatewayTimeout {
		t.Errorf("got %+v, want 504", r)
	}
}

// A body may take as long as it likes if it goes on, and an upstream too.
func TestServeSlowIsNotIdle(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1", "--limits-body-time=1s")
	conn := g.dial()
	body := instance(1)
	fmt.Fprintf(conn, "POST /v1/models/sum:predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", len(body))
	u.hold()
	for i := range len(body) {
		fmt.Fprint(conn, body[i:i+1])
		time.Sleep(75 * time.Millisecond) // all in all longer than a body may pause
	}
	until(t, "the upstream is asked", func() bool { return len(u.calls()) > 0 })
	time.Sleep(1500 * time.Millisecond) // and this is longer at once
	u.release()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("got %v, %v, want 200", res, err)
	}
}
