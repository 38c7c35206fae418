//go:build unix

package main_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What is not a call passes through the program as it comes: streams, however
// long they pause, and connections that change their protocol.
func TestServePassesStreamsAndUpgradesThrough(t *testing.T) {
	next := make(chan struct{})
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			fmt.Fprintln(w, "one")
			http.NewResponseController(w).Flush()
			<-next
			fmt.Fprintln(w, "two")
			return
		}
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		io.Copy(conn, rw)
	}))
	t.Cleanup(up.Close)
	g := startGate(t, "--upstream", up.URL, "--protocol=kserve-v1", "--limits-answer-time=100ms", "--limits-body-time=100ms")

	res, err := http.Get(g.url + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	if !lines.Scan() || lines.Text() != "one" {
		t.Fatalf("got %q, %v", lines.Text(), lines.Err())
	}
	time.Sleep(300 * time.Millisecond) // longer than any part may take
	close(next)
	if !lines.Scan() || lines.Text() != "two" {
		t.Errorf("after a pause: %q, %v", lines.Text(), lines.Err())
	}

	conn := g.dial()
	fmt.Fprint(conn, "GET /up HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	in := bufio.NewReader(conn)
	if res, err = http.ReadResponse(in, nil); err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("got %+v, %v", res, err)
	}
	time.Sleep(300 * time.Millisecond)
	fmt.Fprintln(conn, "hello")
	if text, err := in.ReadString('\n'); text != "hello\n" {
		t.Errorf("got %q, %v", text, err)
	}
}

// What packages say by themselves is logged like the rest, and without what
// upstreams and collectors have said to them.
func TestServeLogsWhatPackagesSay(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		time.Sleep(100 * time.Millisecond) // until nobody listens for an answer
		fmt.Fprint(conn, "secret \"answer")
		t.Cleanup(func() { conn.Close() })
	}))
	t.Cleanup(up.Close)
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "secret token", http.StatusUnauthorized)
	}))
	t.Cleanup(sink.Close)
	g := startGate(t, "--upstream", up.URL, "--protocol=kserve-v1", "--log-format=json", "--tracing-endpoint", sink.URL)
	get(t, g.url+"/x")
	g.hears(`"level":"WARN","msg":"a package complains","err":"Unsolicited response received`)
	g.signal(syscall.SIGTERM)
	g.end(0)
	g.hears(`"level":"WARN","msg":"a package complains","err":"traces export: .* 401 Unauthorized"`)
	for line := range strings.Lines(g.said()) {
		if strings.Contains(line, "secret") || !json.Valid([]byte(line)) {
			t.Errorf("it logs %s", line)
		}
	}
}

// All lines of a log in JSON are JSON, the last one too, which says why requests were cut off.
func TestServeEndsInJSON(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, "--upstream", u.URL, "--protocol=kserve-v1", "--log-format=json", "--grace=50ms")
	answer := g.waiting(u, 1)
	g.signal(syscall.SIGTERM)
	<-answer
	g.end(1)
	g.hears(`"msg":"ended","clean":false,"err":"requests were cut off: the grace period is over"`)
	for line := range strings.Lines(g.said()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("it logs %s", line)
		}
	}
}

// So do trailers, over both versions of HTTP, traced or not.
func TestServePassesTrailersThrough(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, r.Trailer.Get("X-Sum"))
	}))
	t.Cleanup(up.Close)
	for _, traces := range []string{"", "http://127.0.0.1:1"} {
		g := startGate(t, "--upstream", up.URL, "--protocol=kserve-v1", "--tracing-endpoint="+traces)
		for _, client := range []*http.Client{http.DefaultClient, cleartext(t)} {
			req, err := http.NewRequest(http.MethodPost, g.url+"/x", io.MultiReader(strings.NewReader("body")))
			if err != nil {
				t.Fatal(err)
			}
			req.Trailer = http.Header{"X-Sum": {"1"}}
			if r := do(client, req); r.body != "1" {
				t.Errorf("traces %q: got %+v, want the trailer", traces, r)
			}
		}
	}
}
