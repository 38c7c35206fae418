package gateway_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gobatcher/batcher/gateway"
)

// newHTTP makes an upstream of a handler.
func newHTTP(t *testing.T, path string, opts gateway.HTTPOptions, h http.HandlerFunc) *gateway.HTTP {
	t.Helper()
	stub := httptest.NewServer(h)
	t.Cleanup(stub.Close)
	u, err := gateway.NewHTTP(stub.URL+path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = u.Close() })
	return u
}

// told answers with what the upstream was asked.
func told(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %s %q %q %q %q", r.Method, r.RequestURI, r.Header.Get("Content-Type"), r.Header["Authorization"], r.Header["X-Drop"], r.Header["User-Agent"], body)
}

func TestHTTPSendsTheKey(t *testing.T) {
	u := newHTTP(t, "/base/", gateway.HTTPOptions{Header: http.Header{"x-drop": nil, "authorization": {"own"}}}, told)
	key := gateway.Key{Method: "PUT", Path: "/a%2Fb//c", Query: "x=%20&y;z#q\xe9", ContentType: "text/x", Fields: "Authorization:caller's\nX-Drop:1\n"}
	a, err := u.Send(t.Context(), key, []byte("body"))
	if want := "PUT /base/a%2Fb//c?x=%20&y;z#q\xe9" + ` text/x ["own"] [] ["Go-http-client/1.1"] "body"`; err != nil || string(a.Body) != want || a.Status != 200 {
		t.Errorf("got %d %s, %v; want %s", a.Status, a.Body, err, want)
	}
}

func TestHTTPPassesThrough(t *testing.T) {
	u := newHTTP(t, "/base", gateway.HTTPOptions{Header: http.Header{"x-drop": nil, "authorization": {"own"}}}, told)
	r := httptest.NewRequest(http.MethodPut, "/a%2Fb?x=%20&y;z", strings.NewReader("body"))
	r.Header = http.Header{"Authorization": {"caller's"}, "X-Drop": {"1"}, "Content-Type": {"text/x"}, "User-Agent": {"curl"}}
	got := serve(u, r)
	if want := `PUT /base/a%2Fb?x=%20&y;z text/x ["own"] [] ["curl"] "body"`; got.Body.String() != want {
		t.Errorf("got %s; want %s", got.Body, want)
	}
}

// Trailers pass both ways.
func TestHTTPPassesTrailers(t *testing.T) {
	u := newHTTP(t, "", gateway.HTTPOptions{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		_, _ = io.Copy(w, r.Body)
		w.Header().Set("X-Sum", r.Trailer.Get("X-Sum")+"!")
	})
	front := httptest.NewServer(newHandler(t, gateway.Route{Pattern: "/words", Upstream: u}, gateway.Options{Fallback: u}))
	defer front.Close()
	for path, body := range map[string]string{"/": "a", "/words": ""} { // the latter once it has been read
		r, err := http.NewRequest(http.MethodPost, front.URL+path, io.MultiReader(strings.NewReader(body)))
		if err != nil {
			t.Fatal(err)
		}
		r.Trailer = http.Header{"X-Sum": {"1"}}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(res.Body)
		if err != nil || string(got) != body || res.Trailer.Get("X-Sum") != "1!" {
			t.Errorf("%s: got %q, %v and the trailer %v", path, got, err, res.Trailer)
		}
	}
}

// What the gateway sets itself cannot come in a trailer, which some servers add to the
// header: neither credentials in place of its own, nor another length of the body.
func TestHTTPSetsItsHeaderAlone(t *testing.T) {
	seen := make(chan http.Header, 1)
	u := newHTTP(t, "", gateway.HTTPOptions{Header: http.Header{"x-drop": nil, "authorization": {"own"}}}, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
		seen <- r.Trailer
	})
	front := httptest.NewServer(newHandler(t, gateway.Route{Pattern: "/words", Upstream: u}, gateway.Options{Fallback: u}))
	defer front.Close()
	for _, path := range []string{"/", "/words"} { // the latter once it has been read
		res, conn := sent(t, front, "PUT "+path+" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, Authorization\r\n\r\n1\r\na\r\n0\r\n"+
			"X-Sum: 1\r\nAuthorization: z\r\nX-Drop: 2\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Host: z\r\n\r\n")
		conn.Close()
		if res.StatusCode != http.StatusOK {
			t.Fatalf("%s: status %d", path, res.StatusCode)
		}
		got := <-seen
		for name, values := range got {
			if len(values) > 0 && name != "X-Sum" {
				t.Errorf("%s: the trailer %s", path, name)
			}
		}
		if got.Get("X-Sum") != "1" {
			t.Errorf("%s: the trailer %v", path, got)
		}
	}
}

func TestHTTPBoundsTheAnswer(t *testing.T) {
	for _, chunked := range []bool{false, true} {
		u := newHTTP(t, "", gateway.HTTPOptions{MaxAnswer: 10}, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(w, r.Body)
			if chunked {
				_ = http.NewResponseController(w).Flush()
			}
		})
		key := gateway.Key{Method: "POST", Path: "/"}
		if a, err := u.Send(t.Context(), key, []byte("0123456789")); err != nil || string(a.Body) != "0123456789" {
			t.Errorf("got %q, %v", a.Body, err)
		}
		var e *gateway.Error
		if _, err := u.Send(t.Context(), key, []byte("0123456789x")); !errors.As(err, &e) || e.Status != 502 || !strings.Contains(e.Text, "longer than 10 bytes") {
			t.Errorf("got %v", err)
		}
	}
}

func TestHTTPThatIsNotThere(t *testing.T) {
	u, err := gateway.NewHTTP("http://127.0.0.1:1", gateway.HTTPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	h := newHandler(t, gateway.Route{Upstream: u}, gateway.Options{})
	wantAnswer(t, post(h, "a"), 502, "the upstream did not answer")
	wantAnswer(t, serve(h, httptest.NewRequest(http.MethodGet, "/", nil)), 502, "the upstream did not answer")
	if _, err := u.Send(t.Context(), gateway.Key{Method: "bad method", Path: "/"}, nil); err == nil {
		t.Error("a bad method: no error")
	}
}

func TestHTTPEndsWithItsContext(t *testing.T) {
	u := newHTTP(t, "", gateway.HTTPOptions{}, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithCancel(t.Context())
	go cancel()
	if _, err := u.Send(ctx, gateway.Key{Method: "GET", Path: "/"}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// answering makes one whose upstream writes this for an answer, HTTP or not.
func answering(t *testing.T, answer string) *gateway.HTTP {
	t.Helper()
	return newHTTP(t, "", gateway.HTTPOptions{}, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, answer)
	})
}

// A status that no answer can have is not passed on, nor is one that makes the
// body a stream if nobody has asked for that.
func TestHTTPWantsAFinalStatus(t *testing.T) {
	for _, status := range []string{"000", "099", "101"} {
		u := answering(t, "HTTP/1.1 "+status+" x\r\nContent-Length: 1\r\n\r\na")
		h := newHandler(t, gateway.Route{Upstream: u}, gateway.Options{})
		wantAnswer(t, post(h, "a"), 502, "is not that of an answer")
		wantAnswer(t, serve(h, httptest.NewRequest(http.MethodGet, "/", nil)), 502, "the upstream did not answer")
	}
}

// long is a transport with a status that HTTP/2 can carry, though net/http would panic
// on sending it.
type long struct{}

func (long) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 1000, ProtoMajor: 2, Body: io.NopCloser(strings.NewReader("a")), ContentLength: 1, Request: r}, nil
}

func TestHTTPWantsAStatusOfThreeDigits(t *testing.T) {
	u, err := gateway.NewHTTP("http://up", gateway.HTTPOptions{Transport: long{}})
	if err != nil {
		t.Fatal(err)
	}
	h := newHandler(t, gateway.Route{Upstream: u}, gateway.Options{})
	wantAnswer(t, post(h, "a"), 502, "is not that of an answer")
	wantAnswer(t, serve(h, httptest.NewRequest(http.MethodGet, "/", nil)), 502, "the upstream did not answer")
}

// The error for a wrong answer does not quote it.
func TestHTTPQuotesNoAnswer(t *testing.T) {
	for _, answer := range []string{
		"HTTP/1.1 200 OK\r\nSet-Cookie \"secret\r\n\r\n", "a \\secret\"\r\n", "HTTP/1.1 200 OK\r\nContent-Length: secret\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX-Text: a\x01\"secret\r\n\r\n", "HTTP/1.1 200 OK\r\n secret\r\n\r\n",
	} {
		u := answering(t, answer)
		h := newHandler(t, gateway.Route{Upstream: u}, gateway.Options{})
		for _, got := range []*httptest.ResponseRecorder{post(h, "a"), serve(h, httptest.NewRequest(http.MethodGet, "/", nil))} {
			wantAnswer(t, got, 502, "the upstream did not answer")
			if strings.Contains(got.Body.String(), "secret") {
				t.Errorf("%q is told in %s", answer, got.Body)
			}
		}
	}
}

// A redirect is the upstream's answer, and is not followed with a caller's
// items.
func TestHTTPFollowsNoRedirect(t *testing.T) {
	u := newHTTP(t, "", gateway.HTTPOptions{}, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/else", http.StatusTemporaryRedirect)
	})
	got := post(newHandler(t, gateway.Route{Upstream: u}, gateway.Options{}), "a")
	if got.Code != http.StatusTemporaryRedirect || got.Header().Get("Location") != "/else" {
		t.Errorf("status %d, %v", got.Code, got.Header())
	}
}

func TestHTTPIsCheckedAtOnce(t *testing.T) {
	for _, base := range []string{"", "localhost:80", "ftp://x", "http://", "http://x?q", "http://x#f", "http://u:secret@x", "http://x:y", "http://u:secret@%zz", "127.0.0.1:80"} {
		_, err := gateway.NewHTTP(base, gateway.HTTPOptions{})
		if err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "want http[s]://host[:port][/path]") {
			t.Errorf("%q: %v", base, err)
		}
	}
}

func zipped(text string) io.Reader {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, text)
	_ = z.Close()
	return &b
}

func TestBodies(t *testing.T) {
	h := newHandler(t, gateway.Route{Upstream: &upper{}, MaxBody: 100}, gateway.Options{})
	for _, test := range []struct {
		coding string
		body   io.Reader
		status int
		part   string
	}{
		{"gzip", zipped("a,b"), 200, "A,B"},
		{"X-GZIP", zipped("a"), 200, "A"},
		{"identity", strings.NewReader("a"), 200, "A"},
		{"gzip", strings.NewReader(""), 404, "nothing here"},
		{"gzip", strings.NewReader("a"), 400, "cannot be read"},
		{"gzip", zipped(strings.Repeat("a", 101)), 413, "longer than 100 bytes"},
		{"br", strings.NewReader("a"), 415, `a content coding that is not supported: \"br\"`},
		{"", io.MultiReader(strings.NewReader(strings.Repeat("a", 100))), 200, "AAA"},
		{"", io.MultiReader(strings.NewReader(strings.Repeat("a", 101))), 413, "longer than 100 bytes"},
		{"", http.MaxBytesReader(nil, io.NopCloser(strings.NewReader("aaa")), 2), 413, "longer than 2 bytes"},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", test.body)
		r.Header.Set("Content-Encoding", test.coding)
		wantAnswer(t, serve(h, r), test.status, test.part)
	}
	short := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("aaa"))
	short.ContentLength = 5
	wantAnswer(t, serve(h, short), 400, "cannot be read")
}

// Room is taken for what has come of a body: not for what may still come, but for
// all that it unpacks to.
func TestBodiesTakeTheRoomThatTheyNeed(t *testing.T) {
	gone := &upper{send: func(ctx context.Context, _ gateway.Key, _ []byte) (gateway.Answer, error) {
		<-ctx.Done()
		return gateway.Answer{}, ctx.Err()
	}}
	h := newHandler(t, gateway.Route{Upstream: gone, MaxBody: 100_000, MaxPendingBytes: 190_000}, gateway.Options{})
	ctx, leave := context.WithCancel(context.Background())
	var all sync.WaitGroup
	hold := func(r *http.Request) {
		all.Go(func() { serve(h, r.WithContext(ctx)) })
	}
	feed := make([]*io.PipeWriter, 8)
	for i := range feed {
		var body *io.PipeReader
		body, feed[i] = io.Pipe()
		r := httptest.NewRequest(http.MethodPost, "/", body)
		if i%2 == 0 {
			r.ContentLength = 99_000
		}
		hold(r)
		if _, err := feed[i].Write([]byte("a")); err != nil { // it is being read
			t.Fatal(err)
		}
	}
	hold(httptest.NewRequest(http.MethodPost, "/", strings.NewReader("few,bytes")))
	until(t, func() bool { return h.Stats()["/"].Pending == 2 })
	for _, feeder := range feed {
		feeder.CloseWithError(errors.New("no more"))
	}
	large := func() *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/", zipped(strings.Repeat("a", 99_000)))
		r.Header.Set("Content-Encoding", "gzip")
		return r
	}
	hold(large())
	until(t, func() bool { return h.Stats()["/"].Pending == 3 })
	wantAnswer(t, serve(h, large()), 429, "too many bytes")
	leave()
	all.Wait()
}

// A length that is only claimed costs nothing, where there is no limit.
func TestClaimedLengthTakesNoMemory(t *testing.T) {
	h := newHandler(t, gateway.Route{Upstream: &upper{}, MaxBody: -1, MaxPendingBytes: -1}, gateway.Options{})
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("a"))
	r.ContentLength = 1 << 60
	wantAnswer(t, serve(h, r), 400, "cannot be read")
}

// What turns out to be no call is passed through as it came.
func TestBodyIsRestored(t *testing.T) {
	h := newHandler(t, gateway.Route{Upstream: &passing{}}, gateway.Options{})
	r := httptest.NewRequest(http.MethodPost, "/", zipped(""))
	want, _ := io.ReadAll(zipped(""))
	r.Header.Set("Content-Encoding", "gzip")
	wantAnswer(t, serve(h, r), 202, "passed POST / "+string(want))
}

// No offer of HTTP/2 reaches an upstream, which could take it and then speak
// with the caller past the gateway.
func TestHTTPPassesNoOfferOfHTTP2(t *testing.T) {
	u := newHTTP(t, "", gateway.HTTPOptions{}, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%q %q %q", r.Header["Upgrade"], r.Header["Connection"], r.Header["Http2-Settings"])
	})
	h := newHandler(t, gateway.Route{Upstream: u}, gateway.Options{})
	for _, offer := range [][]string{{"h2c"}, {"H2C"}, {"websocket, h2c"}, {"websocket", " h2c/1"}} {
		for _, connection := range []string{"Upgrade, HTTP2-Settings", "upgrade"} {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header = http.Header{"Connection": {connection}, "Upgrade": offer, "Http2-Settings": {"AAMAAABkAAQCAAAAAAIAAAAA"}}
			wantAnswer(t, serve(h, r), 200, `[] [] []`)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}
	wantAnswer(t, serve(h, r), 200, `["websocket"] ["Upgrade"] []`)
}
