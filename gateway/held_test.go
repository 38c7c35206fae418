package gateway_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gobatcher/batcher/gateway"
)

// A caller that does not read keeps its own answer in memory, not that of its
// batch.
func TestSlowCallersHoldTheirOwnAnswerOnly(t *testing.T) {
	array, err := gateway.NewJSONArray("", "")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		protocol   gateway.Protocol
		one, large string
	}{
		"json-array": {array, "[1]", "[2]"},
		"exec":       {gateway.Exec{}, "1", "2"},
	} {
		t.Run(name, func(t *testing.T) {
			u := &upper{send: func(_ context.Context, _ gateway.Key, body []byte) (gateway.Answer, error) {
				return gateway.Answer{Status: 200, Body: bytes.Replace(body, []byte("2"), []byte(`"`+strings.Repeat("x", heldSize)+`"`), 1)}, nil
			}}
			h := newHandler(t, gateway.Route{Upstream: u, Protocol: c.protocol, MinItems: 2, Delay: time.Minute}, gateway.Options{})
			other := make(chan struct{})
			go func() {
				defer close(other)
				post(h, c.large)
			}()
			before := heapSize()
			w := &slowWriter{httptest.NewRecorder(), func() {
				<-other
				wantHeap(t, before)
			}}
			h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/words", strings.NewReader(c.one)))
		})
	}
}

// Nor does it keep what it sent, which takes no room any more.
func TestSlowCallersDoNotHoldTheirBodies(t *testing.T) {
	u := newHTTP(t, "", gateway.HTTPOptions{}, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "[1]")
	})
	h := newHandler(t, gateway.Route{Protocol: gateway.Exec{}, Upstream: u, MaxBody: 2 * heldSize}, gateway.Options{})
	r := httptest.NewRequest(http.MethodPost, "/", zipped(`["`+strings.Repeat("a", heldSize)+`"]`))
	r.Header.Set("Content-Encoding", "gzip")
	before, answer := heapSize(), httptest.NewRecorder()
	h.ServeHTTP(&slowWriter{answer, func() { wantHeap(t, before) }}, r)
	wantAnswer(t, answer, 200, "[1]")
}

// A request that is passed through keeps its body as it came, which takes room,
// and not what that unpacks to, also if a protocol has read it.
func TestWhatIsPassedThroughHoldsNoMoreThanHasCome(t *testing.T) {
	for name, c := range map[string]struct {
		protocol gateway.Protocol
		body     string
	}{
		"no call":              {nothing{}, strings.Repeat("a", heldSize)},
		"a page's, as no JSON": {gateway.Exec{}, `["` + strings.Repeat("a", heldSize) + `"]`},
	} {
		t.Run(name, func(t *testing.T) {
			var before uint64
			passed := false
			u := newHTTP(t, "", gateway.HTTPOptions{}, func(http.ResponseWriter, *http.Request) {
				passed = true
				wantHeap(t, before)
			})
			h := newHandler(t, gateway.Route{Protocol: c.protocol, Upstream: u, MaxBody: 2 * heldSize}, gateway.Options{})
			r := httptest.NewRequest(http.MethodPost, "/", zipped(c.body))
			r.Header = http.Header{"Content-Encoding": {"gzip"}, "Origin": {"https://page.example"}}
			before = heapSize()
			wantAnswer(t, serve(h, r), 200, "")
			if !passed {
				t.Error("it was not passed through")
			}
		})
	}
}

const heldSize = 8 << 20

// slowWriter runs a function before the first byte of an answer is taken.
type slowWriter struct {
	http.ResponseWriter
	before func()
}

func (w *slowWriter) Write(p []byte) (int, error) {
	w.before()
	return w.ResponseWriter.Write(p)
}

func heapSize() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func wantHeap(t *testing.T, before uint64) {
	if now := heapSize(); now > before+heldSize/2 {
		t.Errorf("%d bytes are held", now-before)
	}
}
