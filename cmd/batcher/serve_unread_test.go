//go:build unix

package main_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A caller that is refused before its body has been read is told so: at once if net/http
// wants none of the rest, and else when the time for a part of a body is over.
// Then the connection ends. Traces change nothing.
func TestServeRefusesUnreadBodies(t *testing.T) {
	const known, long, short = "Authorization: Bearer known\r\n", "Content-Length: 99999999\r\n", "Content-Length: 10\r\n"
	const expect, chunked = "Expect: 100-continue\r\n", "Transfer-Encoding: chunked\r\n"
	atOnce := map[string]int{
		known + long:          http.StatusRequestEntityTooLarge,
		known + long + expect: http.StatusRequestEntityTooLarge,
		long:                  http.StatusUnauthorized,
		short + expect:        http.StatusUnauthorized,
		chunked + expect:      http.StatusUnauthorized,
	}
	inTime := map[string]int{short: http.StatusUnauthorized, chunked: http.StatusUnauthorized}
	maps.Copy(inTime, atOnce)
	for _, traces := range []string{"", "http://127.0.0.1:1"} {
		for limit, refused := range map[string]map[string]int{"1h": atOnce, "100ms": inTime} {
			g := startGate(t, "--upstream=http://127.0.0.1:1", "--protocol=kserve-v1", "--limits-body-time="+limit, "--max-body=1KiB",
				"--tokens="+file(t, "tokens", "known\n"), "--tracing-endpoint="+traces)
			for header, want := range refused {
				conn := g.dial()
				fmt.Fprintf(conn, "POST /v1/models/sum:predict HTTP/1.1\r\nHost: x\r\n%s\r\n", header)
				if res, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || res.StatusCode != want {
					t.Fatalf("%q gets %+v, %v, want %d", header, res, err, want)
				}
				if limit == "1h" {
					continue
				}
				if _, err := io.Copy(io.Discard, conn); err != nil {
					t.Fatalf("%q: %v, want the end of the connection", header, err)
				}
			}
		}
	}
}

// Many clients look for their answer only when they have sent all of a body. They are
// answered too, however long it is.
func TestServeRefusesThoseWhoSendAllFirst(t *testing.T) {
	g := startGate(t, "--upstream=http://127.0.0.1:1", "--protocol=kserve-v1", "--max-body=1KiB", "--tokens="+file(t, "tokens", "known\n"))
	const size = 32 << 20 // more than buffers hold
	body := bytes.Repeat([]byte("x"), size)
	for header, want := range map[string]int{
		fmt.Sprintf("Authorization: Bearer known\r\nContent-Length: %d\r\n\r\n", size):               http.StatusRequestEntityTooLarge,
		fmt.Sprintf("Authorization: Bearer known\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n", size): http.StatusRequestEntityTooLarge,
		fmt.Sprintf("Content-Length: %d\r\n\r\n", size):                                              http.StatusUnauthorized,
	} {
		conn := g.dial()
		fmt.Fprintf(conn, "POST /v1/models/sum:predict HTTP/1.1\r\nHost: x\r\n%s", header)
		if _, err := conn.Write(body); err != nil {
			t.Fatalf("%q: %v, want the body to be taken", header, err)
		}
		if res, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || res.StatusCode != want || !res.Close {
			t.Errorf("%q gets %+v, %v, want %d and the end of the connection", header, res, err, want)
		}
	}
}

// A caller without a token, and one that comes too late, is counted and logged too.
func TestServeCountsWhoIsRefused(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, "--upstream", u.URL, "--protocol=kserve-v1", "--tokens="+file(t, "tokens", "known\n"))
	ask := func(token string) reply {
		req, err := http.NewRequest(http.MethodPost, g.url+"/v1/models/sum:predict", strings.NewReader(instance(1)))
		if err != nil {
			return reply{err: err}
		}
		req.Header.Set("Authorization", "Bearer "+token)
		return do(http.DefaultClient, req)
	}
	ask("other")
	g.counts(`batcher_requests_total{code="401",passed="false",route=""}`, 1)
	g.hears(`msg=request method=POST path=/v1/models/sum:predict remote=\S+ route="" status=401 `)
	u.hold()
	go ask("known")
	until(t, "the upstream is asked", func() bool { return len(u.calls()) > 0 })
	g.signal(syscall.SIGTERM)
	g.hears("msg=draining")
	until(t, "it refuses", func() bool { return ask("known").status == http.StatusServiceUnavailable })
	g.hears(`msg=request .* route=/ status=503 `)
	if g.metric(`batcher_requests_total{code="503",passed="false",route="/"}`) == 0 {
		t.Error("who came too late is not counted")
	}
	u.release()
	g.end(0)
}

// A caller that is refused and sends its body all the same may go on.
func TestServeRefusedConnectionsGoOn(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, "--upstream", u.URL, "--protocol=kserve-v1", "--limits-body-time=500ms", "--tokens="+file(t, "tokens", "known\n"))
	conn := g.dial()
	in := bufio.NewReader(conn)
	for token, want := range map[string]int{"other": http.StatusUnauthorized, "known": http.StatusOK} { // in any order
		fmt.Fprintf(conn, "POST /v1/models/sum:predict HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s", token, len(instance(1)), instance(1))
		res, err := http.ReadResponse(in, nil)
		if err != nil || res.StatusCode != want {
			t.Fatalf("%s gets %+v, %v, want %d", token, res, err, want)
		}
		io.Copy(io.Discard, res.Body)
		time.Sleep(700 * time.Millisecond) // the deadline of a body is not that of its connection
	}
}

// hasty is an upstream that answers before it has a request's body. It gives
// its URL.
func hasty(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			go func() {
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					io.WriteString(conn, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\n\r\nnope")
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// A client that was answered before its body came cannot hold the connection with
// the rest.
func TestServeAnswersBeforeTheBody(t *testing.T) {
	g := startGate(t, "--upstream", hasty(t), "--protocol=kserve-v1", "--limits-body-time=300ms")
	for _, body := range []string{"Content-Length: 30\r\n\r\nhalf", "Content-Length: 30\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"} {
		conn := g.dial()
		fmt.Fprintf(conn, "PUT /x HTTP/1.1\r\nHost: x\r\n%s", body)
		in := bufio.NewReader(conn)
		res, err := http.ReadResponse(in, nil)
		if err != nil || res.StatusCode != http.StatusUnauthorized {
			t.Fatalf("%q gets %+v, %v, want 401", body, res, err)
		}
		if _, err := io.Copy(io.Discard, in); err != nil {
			t.Errorf("%q: %v, want the end of the connection", body, err)
		}
	}
	g = startGate(t, "--upstream", startUpstream(t).URL, "--protocol=kserve-v1")
	if whole := post(g.url+"/x", "all of it"); whole.body != "all of it" || whole.header.Get("Connection") != "" {
		t.Errorf("a whole body gets %+v, want no end of the connection", whole)
	}
}

// Nor does the rest, where it comes after all, harm the others.
func TestServeHTTP2AnswersBeforeTheBody(t *testing.T) {
	g := startGate(t, "--upstream", hasty(t), "--protocol=kserve-v1")
	client := cleartext(t)
	for range 3 {
		body, in := io.Pipe()
		go io.WriteString(in, "half")
		res, err := client.Post(g.url+"/x", "text/plain", body)
		if err != nil || res.StatusCode != http.StatusUnauthorized {
			t.Fatalf("got %+v, %v, want 401", res, err)
		}
		io.WriteString(in, "of it")
		in.Close()
		res.Body.Close()
	}
	time.Sleep(100 * time.Millisecond) // for a late reader of the body
	if r := post(g.url+"/x", "x"); r.status != http.StatusUnauthorized {
		t.Errorf("got %+v, want 401", r)
	}
}

// A connection that its client has closed after an early answer holds no memory for as
// long as the rest of the body might have come.
func TestServeForgetsConnectionsAfterEarlyAnswers(t *testing.T) {
	t.Setenv("GOGC", "100") // so that a collection shows what is in use
	a := newAuthority(t)
	cert, key := a.files("first")
	g := startGate(t, "--upstream", hasty(t), "--protocol=kserve-v1", "--limits-body-time=1h", "--tls-cert", cert, "--tls-key", key, "--log-access=false")
	for range 1000 {
		conn, err := tls.Dial("tcp", strings.TrimPrefix(g.url, "http://"), &tls.Config{RootCAs: a.pool()})
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, "PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
		if _, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	g.counts("batcher_connections", 0)
	if next := g.metric("go_memstats_next_gc_bytes"); next > 12<<20 {
		t.Errorf("the next collection is at %.0f bytes", next)
	}
}
