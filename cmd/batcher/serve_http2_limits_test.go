//go:build unix

package main_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

func TestServeHTTP2LimitsOfSize(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1", "--limits-header", "1KiB", "--max-body", "1KiB")
	client := cleartext(t)
	req, err := http.NewRequest(http.MethodPost, g.url+"/v1/models/sum:predict", strings.NewReader(instance(1)+strings.Repeat(" ", 1024)))
	if err != nil {
		t.Fatal(err)
	}
	if r := do(client, req); r.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a long body gets %+v, want 413", r)
	}
	framer, _ := g.frames()
	var b bytes.Buffer
	b.Write(head("/", 0))
	hpack.NewEncoder(&b).WriteField(hpack.HeaderField{Name: "x-long", Value: strings.Repeat("~", 1300)})
	framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: b.Bytes(), EndHeaders: true, EndStream: true})
	if err := hears(framer, func(f http2.Frame) bool {
		h, ok := f.(*http2.MetaHeadersFrame)
		return ok && h.PseudoValue("status") == "431"
	}); err != nil {
		t.Errorf("a long header gets %v, want 431", err)
	}
	if len(u.calls()) != 0 {
		t.Errorf("the upstream got %v", u.calls())
	}
}

// A connection has no more than 250 requests at once.
func TestServeHTTP2LimitsStreams(t *testing.T) {
	g := startGate(t, "--upstream=http://127.0.0.1:1", "--protocol=kserve-v1")
	framer, _ := g.frames()
	var most uint32
	if err := hears(framer, func(f http2.Frame) bool {
		s, ok := f.(*http2.SettingsFrame)
		if ok {
			most, _ = s.Value(http2.SettingMaxConcurrentStreams)
		}
		return ok
	}); err != nil || most != 250 {
		t.Errorf("%d requests, %v", most, err)
	}
}

func TestServeHTTP2LimitsOfTime(t *testing.T) {
	with := func(limits ...string) *gate {
		return startGate(t, append(limits, "--upstream=http://127.0.0.1:1", "--protocol=kserve-v1")...)
	}
	ends := func(what string, conn net.Conn) {
		t.Helper()
		if _, err := io.Copy(io.Discard, conn); err != nil {
			t.Errorf("who is slow with %s: %v, want the end of the connection", what, err)
		}
	}
	slow := with("--limits-header-time=100ms").dial()
	io.WriteString(slow, http2.ClientPreface[:10])
	ends("the preface", slow)

	g := with("--limits-idle=100ms")
	_, idle := g.frames()
	ends("a first request", idle)
	framer, half := g.frames()
	framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: head("/", 0)[:5]})
	ends("a header", half)

	framer, _ = with("--limits-body-time=100ms").frames()
	framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: head("/v1/models/sum:predict", 100), EndHeaders: true})
	framer.WriteData(1, false, []byte("half of it"))
	if err := hears(framer, func(f http2.Frame) bool {
		h, ok := f.(*http2.MetaHeadersFrame)
		return ok && h.PseudoValue("status") == "408"
	}); err != nil {
		t.Errorf("who is slow with a body: %v, want 408", err)
	}
}

// A client that does not take an answer loses it, and the connection goes on for
// others.
func TestServeHTTP2AnswersAreTaken(t *testing.T) {
	g := startGate(t, "--protocol=exec", "--command=cat", "--max-body=64MiB", "--max-pending-bytes=128MiB", "--max-batch-bytes=64MiB", "--limits-answer-time=1s")
	client := cleartext(t)
	body := `["` + strings.Repeat("x", 24<<20) + `"]`
	res, err := client.Post(g.url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	g.counts(`batcher_requests_total{code="200",passed="false",route="/"}`, 1)
	if n, err := io.Copy(io.Discard, res.Body); err == nil || n == int64(len(body)) {
		t.Errorf("who took nothing for a while got %d bytes, %v, want a part and an error", n, err)
	}
	small, err := client.Post(g.url, "application/json", strings.NewReader("[1]"))
	if err != nil {
		t.Fatal(err)
	}
	small.Body.Close()
	g.counts("batcher_connections", 1)
}

// When nothing can be written any more, nor a stream reset, the connection ends.
func TestServeHTTP2ConnectionsAreEmptied(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for block := make([]byte, 1<<20); ; {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}))
	t.Cleanup(up.Close)
	g := startGate(t, "--upstream", up.URL, "--protocol=kserve-v1", "--limits-answer-time=1s")
	framer, _ := g.frames()
	framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 30})
	framer.WriteWindowUpdate(0, 1<<30)
	for id := uint32(1); id < 100; id += 2 {
		framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: head("/stream", 0), EndHeaders: true, EndStream: true})
	}
	g.counts(`batcher_requests_total{code="200",passed="true",route="/"}`, 50)
	g.counts("batcher_connections", 0)
}

// The time for the next part of a body counts while one is waited for, and
// not while the upstream takes none.
func TestServeHTTP2BodiesMayWait(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(500 * time.Millisecond)
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n, err)
	}))
	t.Cleanup(up.Close)
	g := startGate(t, "--upstream", up.URL, "--protocol=kserve-v1", "--limits-body-time=250ms")
	req, err := http.NewRequest(http.MethodPut, g.url+"/file", bytes.NewReader(make([]byte, 32<<20))) // more than all buffers on the way
	if err != nil {
		t.Fatal(err)
	}
	if r := do(cleartext(t), req); r.body != fmt.Sprint(32<<20, nil) {
		t.Errorf("got %+v", r)
	}
}

// A stream that waits needs no more than 4 KiB of stack, half of what the next
// larger one has. The 2 KiB that it began with may count too.
func TestServeHTTP2WaitsOnSmallStacks(t *testing.T) {
	t.Setenv("GOGC", "off") // what stops or helps a collection on its way needs more, and the stacks after it begin larger
	t.Setenv("GODEBUG", "asyncpreemptoff=1")
	u := startUpstream(t)
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1")
	client := cleartext(t)
	g.predictBy(t.Context(), client, 0).want(t, 0)
	u.hold()
	const calls = 1000
	before := g.metric("go_memstats_stack_inuse_bytes")
	ctx, leave := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range calls { // with an item that has parts, which needs the most to be read
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.url+"/v1/models/sum:predict", strings.NewReader(`{"instances": [[1, 2]]}`))
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() { do(client, req) })
	}
	g.counts(`batcher_items_pending{route="/"}`, calls)
	if each := (g.metric("go_memstats_stack_inuse_bytes") - before) / calls; each > 7000 {
		t.Errorf("%.0f bytes each", each)
	}
	leave()
	all.Wait()
}

// What passes through has as many connections to an upstream as the gateway may have, and
// waits for one if there are no more.
func TestServeHTTP2LimitsConnectionsToAnUpstream(t *testing.T) {
	const limit = 2
	var open, most atomic.Int64
	held, release := context.WithCancel(t.Context())
	up := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-held.Done() }))
	up.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			most.Store(max(most.Load(), open.Add(1)))
		case http.StateClosed:
			open.Add(-1)
		}
	}
	up.Start()
	t.Cleanup(up.Close)
	t.Cleanup(release)
	g := startGate(t, "--upstream", up.URL, "--protocol=kserve-v1", "--limits-connections", fmt.Sprint(limit))
	client := cleartext(t)
	var callers sync.WaitGroup
	for range 20 {
		callers.Go(func() {
			res, err := client.Get(g.url + "/x")
			if err != nil || res.StatusCode != http.StatusOK {
				t.Errorf("got %+v, %v", res, err)
				return
			}
			res.Body.Close()
		})
	}
	until(t, "all connections are in use", func() bool { return open.Load() >= 2*limit })
	time.Sleep(100 * time.Millisecond) // for more to be made, were they allowed
	release()
	callers.Wait()
	if most.Load() > 2*limit {
		t.Errorf("%d connections to the upstream at once", most.Load())
	}
}

// What a client has reset holds no memory until its answer would have had to be taken.
func TestServeHTTP2ForgetsStreamsThatWereReset(t *testing.T) {
	const waves, wave = 100, 200
	t.Setenv("GOGC", "100") // so that a collection shows what is in use
	g := startGate(t, "--upstream=http://127.0.0.1:1", "--protocol=kserve-v1", "--delay=1h", "--max-items=1000", "--log-access=false")
	framer, _ := g.frames()
	body := []byte(instance(1))
	seen := func() {
		framer.WritePing(false, [8]byte{})
		if err := hears(framer, func(f http2.Frame) bool { return f.Header().Type == http2.FramePing }); err != nil {
			t.Fatal(err)
		}
	}
	for n := range uint32(waves) {
		first := 1 + 2*wave*n
		for id := first; id < first+2*wave; id += 2 {
			framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: head("/v1/models/sum:predict", len(body)), EndHeaders: true})
			framer.WriteData(id, true, body)
		}
		seen()
		for id := first; id < first+2*wave; id += 2 {
			framer.WriteRSTStream(id, http2.ErrCodeCancel)
		}
		seen()
	}
	until(t, "nearly all have left", func() bool {
		return g.metric(`batcher_requests_total{code="499",passed="false",route="/"}`) > waves*wave*3/4
	})
	if next := g.metric("go_memstats_next_gc_bytes"); next > 32<<20 {
		t.Errorf("the next collection is at %.0f bytes", next)
	}
}
