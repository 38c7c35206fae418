//go:build unix

package main_test

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Who is refused before its body has been read is told so: at once if net/http
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

// Who has no token, and who comes too late, is counted and logged too.
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
