//go:build unix

package main_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// cleartext is a client that speaks HTTP/2 without TLS and knows that it can.
func cleartext(t *testing.T) *http.Client {
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// predictBy asks with client for the prediction of n.
func (g *gate) predictBy(ctx context.Context, client *http.Client, n int) reply {
	g.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.url+"/v1/models/sum:predict", strings.NewReader(instance(n)))
	if err != nil {
		g.t.Fatal(err)
	}
	return do(client, req)
}

// frames opens a connection for frames of HTTP/2, and sends what it begins with.
func (g *gate) frames() (*http2.Framer, net.Conn) {
	g.t.Helper()
	conn := g.dial()
	io.WriteString(conn, http2.ClientPreface)
	framer := http2.NewFramer(conn, bufio.NewReader(conn))
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	framer.WriteSettings()
	return framer, conn
}

// head is the header of a POST with a body of so many bytes.
func head(path string, length int) []byte {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	for _, field := range [][2]string{{":method", "POST"}, {":scheme", "http"}, {":path", path}, {":authority", "x"}, {"content-length", fmt.Sprint(length)}} {
		e.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]})
	}
	return b.Bytes()
}

// hears reads frames until one satisfies want, or the connection ends.
func hears(framer *http2.Framer, want func(http2.Frame) bool) error {
	for {
		frame, err := framer.ReadFrame()
		if err != nil || want(frame) {
			return err
		}
	}
}

// The callers of a batch may share a connection, and each is told all that it
// would be told on one of its own.
func TestServeHTTP2(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1", "--max-items", "10")
	client := cleartext(t)
	g.predictBy(t.Context(), client, 0).want(t, 0)
	u.hold()
	var callers sync.WaitGroup
	for n := range 21 {
		callers.Go(func() {
			r := g.predictBy(t.Context(), client, n)
			r.want(t, n)
			if timing := r.header.Get("Server-Timing"); !strings.Contains(timing, "batch;desc=") {
				t.Errorf("Server-Timing is %q", timing)
			}
		})
	}
	g.counts(`batcher_items_pending{route="/"}`, 21)
	g.counts("batcher_connections", 1)
	u.release()
	callers.Wait()
	if calls := u.calls(); len(calls) > 5 {
		t.Errorf("22 requests became batches of %v", calls)
	}
	g.hears(`msg=request method=POST path=/v1/models/sum:predict remote=127.0.0.1:\d+ route=/ status=200 .* batch_size=10 trigger=size`)
	res, err := client.Get(g.url + "/x")
	if err != nil || res.ProtoMajor != 2 {
		t.Errorf("got %+v, %v, want HTTP/2", res, err)
	}
}

// HTTP/1.1 goes on as before, on the same port.
func TestServeOffersOfHTTP2AreNotTaken(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1")
	conn := g.dial()
	fmt.Fprintf(conn, "POST /v1/models/sum:predict HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"+
		"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\nContent-Length: %d\r\n\r\n%s", len(instance(1)), instance(1))
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || res.StatusCode != http.StatusOK || res.Header.Get("Server-Timing") == "" {
		t.Errorf("got %+v, %v, want an answer to a batch", res, err)
	}
}

// A client that resets a stream has left; the neighbours on the connection have not.
func TestServeHTTP2CallersLeave(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1", "--max-items", "1")
	client := cleartext(t)
	g.predictBy(t.Context(), client, 0).want(t, 0)
	u.hold()
	answer := make(chan reply, 1)
	go func() { answer <- g.predictBy(t.Context(), client, 1) }()
	until(t, "the upstream is asked", func() bool { return len(u.calls()) == 2 })
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan reply, 1)
	go func() { left <- g.predictBy(ctx, client, 2) }()
	g.counts(`batcher_items_pending{route="/"}`, 2)
	leave()
	<-left
	g.counts(`batcher_requests_total{code="499",passed="false",route="/"}`, 1)
	g.counts(`batcher_items_pending{route="/"}`, 1)
	u.release()
	r := <-answer
	r.want(t, 1)
	if calls := u.calls(); len(calls) != 2 {
		t.Errorf("the upstream got %d calls, want none for who left", len(calls))
	}
}

func TestServeHTTP2Drains(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1")
	client := cleartext(t)
	g.predictBy(t.Context(), client, 0).want(t, 0)
	u.hold()
	answer := make(chan reply, 1)
	go func() { answer <- g.predictBy(t.Context(), client, 1) }()
	until(t, "the upstream is asked", func() bool { return len(u.calls()) == 2 })
	g.signal(syscall.SIGTERM)
	g.hears("msg=draining")
	g.drains(u, g.predictBy(t.Context(), client, 2), answer)
}

// Streams pass through both ways, however long they pause, and trailers too.
func TestServeHTTP2PassesThrough(t *testing.T) {
	next := make(chan struct{})
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		w.Header().Set("Trailer", "X-Sum")
		line, _ := bufio.NewReader(r.Body).ReadString('\n')
		io.WriteString(w, line)
		http.NewResponseController(w).Flush()
		<-next
		io.WriteString(w, "two\n")
		w.Header().Set("X-Sum", "3")
	}))
	t.Cleanup(up.Close)
	g := startGate(t, "--upstream", up.URL, "--protocol=kserve-v1", "--limits-answer-time=100ms", "--limits-body-time=5s")
	body, in := io.Pipe()
	go fmt.Fprintln(in, "one")
	res, err := cleartext(t).Post(g.url+"/stream", "text/plain", body)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	if !lines.Scan() || lines.Text() != "one" {
		t.Fatalf("got %q, %v", lines.Text(), lines.Err())
	}
	time.Sleep(300 * time.Millisecond) // longer than the next part of an answer may take
	close(next)
	if !lines.Scan() || lines.Text() != "two" {
		t.Errorf("after a pause: %q, %v", lines.Text(), lines.Err())
	}
	in.Close()
	if lines.Scan() || res.Trailer.Get("X-Sum") != "3" {
		t.Errorf("then %q, %v and the trailer %v", lines.Text(), lines.Err(), res.Trailer)
	}
}
