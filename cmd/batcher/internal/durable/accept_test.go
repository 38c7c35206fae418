package durable

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
	"github.com/gobatcher/batcher/gateway"
)

// A caller that gets another's answer because both chose one key has read a secret.
func TestWhoAsksTellsRequestsApart(t *testing.T) {
	l := &Later{}
	l.Use(&config.Config{Routes: []config.Route{{Headers: []string{"X-Tenant"}}}})
	plain := l.idOf(httpRequest{}, "one")
	for _, name := range []string{
		"Authorization", "Cookie", "Origin", "X-Tenant", "X-Api-Key", "Api-Key", "OpenAI-Organization", "OpenAI-Project",
		"es-security-runas-user", "opendistro_security_impersonate_as", "Seldon-Model", "Seldon-Internal-Model",
	} {
		req := httpRequest{Header: make(http.Header)}
		req.Header.Set(name, "a")
		if l.idOf(req, "one") == plain {
			t.Errorf("a request with %s is taken for one without", name)
		}
	}
}

// What divides batches tells requests apart too, whichever protocol says so.
func TestHeadersOfProtocolsTellRequestsApart(t *testing.T) {
	const es = "application/vnd.elasticsearch+json;compatible-with=8"
	names := matters(&config.Config{})
	for path, c := range map[string]struct {
		protocol gateway.Protocol
		body     string
	}{
		"/v1/embeddings":     {gateway.OpenAIEmbeddings{}, `{"input":"a"}`},
		"/v2/models/m/infer": {gateway.OIPv2{}, `{"inputs":[{"name":"a","shape":[1],"datatype":"INT8","data":[1]}]}`},
		"/i/_doc/1":          {gateway.ESBulk{}, `{"a":1}`},
		"/":                  {gateway.JSONRPC{}, `{"jsonrpc":"2.0","id":1,"method":"m"}`},
	} {
		r := httptest.NewRequest(http.MethodPost, path, nil)
		r.Header = http.Header{"Content-Type": {es}, "Accept": {es}}
		call, err := c.protocol.Read(r, []byte(c.body), 0)
		if err != nil || len(call.Headers) == 0 {
			t.Fatalf("%T: %+v, %v", c.protocol, call, err)
		}
		for _, name := range call.Headers {
			same := func(other string) bool { return strings.EqualFold(other, name) }
			if name != "Accept" && !slices.ContainsFunc(names, same) {
				t.Errorf("%T divides by %s, which tells no requests apart", c.protocol, name)
			}
		}
	}
}

// A body that breaks off is not accepted, and its caller must know.
func TestBodyThatBreaksOffIsNotAccepted(t *testing.T) {
	l := &Later{}
	l.Use(&config.Config{})
	for want, err := range map[int]error{
		http.StatusBadRequest:     errors.New("malformed chunked encoding"),
		http.StatusRequestTimeout: gateway.Errorf(http.StatusRequestTimeout, "the body does not go on"),
	} {
		r := httptest.NewRequest(http.MethodPost, "/", io.NopCloser(iotest.ErrReader(err)))
		r.Header.Set("Prefer", "respond-async")
		r.Header.Set("Idempotency-Key", "one")
		w := httptest.NewRecorder()
		var served []gateway.Served
		told := func(_ *http.Request, s gateway.Served) { served = append(served, s) }
		l.Handler(http.NotFoundHandler(), told).ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%v: status %d, want %d", err, w.Code, want)
		}
		if len(served) != 1 || served[0].Status != want || served[0].Err != err || served[0].Out != w.Body.Len() {
			t.Errorf("%v: told of %+v, want the %d with its error, once", err, served, want)
		}
	}
}

// async posts body, to be answered later, to a gateway without a queue.
func async(l *Later, body io.Reader) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/", io.NopCloser(body))
	r.Header.Set("Prefer", "respond-async")
	r.Header.Set("Idempotency-Key", "one")
	w := httptest.NewRecorder()
	l.Handler(http.NotFoundHandler(), func(*http.Request, gateway.Served) {}).ServeHTTP(w, r)
	return w
}

// Thousands of callers that send nearly all of a body must not take all memory.
func TestBodiesOnTheirWayAreBounded(t *testing.T) {
	l := &Later{}
	l.Use(&config.Config{})
	const others = mostBodies - 3
	l.bodies.Store(others)
	w := async(l, io.MultiReader(strings.NewReader("abc"), strings.NewReader("d"), iotest.ErrReader(errors.New("broken"))))
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
		t.Errorf("status %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	w = async(l, io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(errors.New("broken"))))
	if w.Code != http.StatusBadRequest {
		t.Errorf("status %d for a body for which there is room", w.Code)
	}
	if got := l.bodies.Load(); got != others {
		t.Errorf("%d bytes are held in the end, want %d", got, others)
	}
}

// drop is a body that never ends, of which a byte comes every 20 seconds.
type drop struct{}

func (drop) Read(p []byte) (int, error) {
	time.Sleep(20 * time.Second)
	p[0] = ' '
	return 1, nil
}

func TestBodyThatNeverEndsGivesItsPlaceBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &Later{}
		l.Use(&config.Config{})
		start := time.Now()
		w := async(l, drop{})
		if took := time.Since(start); w.Code != http.StatusRequestTimeout || took != laterTime+20*time.Second || l.bodies.Load() != 0 {
			t.Errorf("status %d after %v, with %d bytes held", w.Code, took, l.bodies.Load())
		}
	})
}

// A caller that has left, or closed half of its connection, must not read 200: that is
// what net/http sends for who writes nothing.
func TestWhoLeavesIsToldNothing(t *testing.T) {
	var told gateway.Served
	defer func() {
		if v := recover(); v != http.ErrAbortHandler || told.Status != 499 {
			t.Errorf("it panics with %v, and %+v is told", v, told)
		}
	}()
	r := httptest.NewRequest(http.MethodGet, Prefix, nil)
	observe(func(_ *http.Request, s gateway.Served) { told = s }, httptest.NewRecorder(), r, func(w http.ResponseWriter) (int, error) {
		refuse(w, context.Canceled)
		return 0, nil
	})
}

func TestHowLongToWait(t *testing.T) {
	for said, want := range map[string]time.Duration{
		"": defaultWait, "wait=x": defaultWait, "wait=-1": defaultWait, "wait=0": 0, "wait=7": 7 * time.Second,
		"wait=61": mostWait, "wait=9300000000": mostWait, "wait=9223372036854775807": mostWait,
	} {
		r := httptest.NewRequest(http.MethodGet, Prefix, nil)
		r.Header.Set("Prefer", said)
		if got := waitOf(r); got != want {
			t.Errorf("%q: %v, want %v", said, got, want)
		}
	}
}

// What callers have sent does not control the terminal on which it is listed.
func TestLettersAreShownOnOneLine(t *testing.T) {
	for text, want := range map[string]string{"a\n\tb": "a b", "\x1b[2Jcaf\u00e9": "\uFFFD[2Jcaf\u00e9", "\x9b2J\u202e\x00": "\uFFFD2J\uFFFD\uFFFD"} {
		if got := oneLine(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
}
