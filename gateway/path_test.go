package gateway_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobatcher/batcher/gateway"
)

// A target without a path would be sent as it is: a caller could name any host and
// path at the upstream, with the gateway's own credentials. And a caller whose
// CONNECT an upstream answers would believe that it has a tunnel.
func TestMisdirectedRequestsAreRefused(t *testing.T) {
	var w witness
	u := newHTTP(t, "/base", gateway.HTTPOptions{}, func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the upstream got %s", r.RequestURI)
	})
	front := httptest.NewServer(newHandler(t, gateway.Route{Pattern: "/m/", Upstream: u}, gateway.Options{Fallback: u, Observer: w.observer()}))
	for _, c := range []struct {
		line string
		want int
	}{{"GET x:http://internal/admin", 400}, {"GET x:%2e%2e/admin", 400}, {"GET x:admin?key=1", 400}, {"CONNECT internal:80", 501}, {"CONNECT /m/", 501}} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(front.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, c.line+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if res, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || res.StatusCode != c.want {
			t.Errorf("%s gets %+v, %v, want %d", c.line, res, err, c.want)
		}
		conn.Close()
	}
	front.Close()
	if len(w.served) != 5 || w.served[0].Status != 400 || w.served[0].Err == nil || w.served[4].Status != 501 {
		t.Errorf("served %+v", w.served)
	}
}

// Paths keep the escapes that they came with, whatever else is in them, and
// only the bytes that may not stand in a path get theirs.
func TestPathsStayAsTheyWereWritten(t *testing.T) {
	var mu sync.Mutex
	var passed []string
	u := newHTTP(t, "", gateway.HTTPOptions{}, func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		passed = append(passed, r.RequestURI)
	})
	h := newHandler(t, gateway.Route{Pattern: "/m/", Upstream: u}, gateway.Options{Fallback: u})
	front := httptest.NewServer(h)
	defer front.Close()
	for _, target := range []string{"", "http://example.com"} {
		for path, want := range map[string]string{
			"/m/a%2Fb|c":             "/m/a%2Fb%7Cc",
			"/m/a/b|c":               "/m/a/b%7Cc",
			"/m/%2e%2e/%2e%2e/x^":    "/m/%2e%2e/%2e%2e/x%5E",
			"/m/%2e%2e/x":            "/m/%2e%2e/x",
			"/m/%61{\"}`<>\\\x80%7C": "/m/%61%7B%22%7D%60%3C%3E%5C%80%7C",
			"/m/!$&'()*+,;=:@[]~%2f": "/m/!$&'()*+,;=:@[]~%2f",
			"/else/%2e%2e/a%2Fb|":    "/else/%2e%2e/a%2Fb%7C",
		} {
			for _, method := range []string{http.MethodPost, http.MethodGet} {
				passed = nil
				conn, err := net.Dial("tcp", strings.TrimPrefix(front.URL, "http://"))
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.WriteString(conn, method+" "+target+path+" HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nConnection: close\r\n\r\na")
				if _, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil {
					t.Error(err)
				}
				conn.Close()
				mu.Lock()
				if !slices.Equal(passed, []string{want}) {
					t.Errorf("%s %s became %q, want %s", method, path, passed, want)
				}
				mu.Unlock()
			}
		}
	}
}

// A space in a query, which HTTP/2 can carry, would end the target in a request
// line of HTTP/1.1: what follows would be its version.
func TestQueriesKeepToTheirPlace(t *testing.T) {
	u := newHTTP(t, "", gateway.HTTPOptions{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Asked", r.RequestURI)
		_, _ = io.Copy(w, r.Body)
	})
	front := httptest.NewUnstartedServer(newHandler(t, gateway.Route{Pattern: "/m/", Upstream: u}, gateway.Options{Fallback: u}))
	http2 := new(http.Protocols)
	http2.SetUnencryptedHTTP2(true)
	front.Config.Protocols = http2
	front.Start()
	defer front.Close()
	client := http.Transport{Protocols: http2}
	defer client.CloseIdleConnections()
	for path, query := range map[string]string{"/m/": "a b", "/m/a%2Fb": "a%20b HTTP/1.1", "/else": "a b"} {
		r, err := http.NewRequest(http.MethodPost, front.URL+path, strings.NewReader("a"))
		if err != nil {
			t.Fatal(err)
		}
		r.URL.RawQuery = query
		res, err := client.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		want := path + "?" + strings.ReplaceAll(query, " ", "%20")
		if got := res.Header.Get("X-Asked"); res.StatusCode != http.StatusOK || got != want {
			t.Errorf("%s?%s: status %d, the upstream was asked for %q, want %q", path, query, res.StatusCode, got, want)
		}
	}
}

// Paths that are written differently divide batches.
func TestPathsDivideBatches(t *testing.T) {
	u := &upper{}
	h := newHandler(t, gateway.Route{Upstream: u, Delay: 20 * time.Millisecond}, gateway.Options{})
	var all sync.WaitGroup
	for _, path := range []string{"/a%2Fb|c", "/a/b|c"} {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader("a"))
		all.Go(func() { wantAnswer(t, serve(h, r), 200, "A") })
	}
	all.Wait()
	if len(u.seen()) != 2 {
		t.Errorf("batches %q, want two", u.seen())
	}
}

// A path that a handler has changed since it came is used as it is now.
func TestChangedPathsCount(t *testing.T) {
	u := &upper{}
	h := newHandler(t, gateway.Route{Upstream: u}, gateway.Options{})
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/a%2Fb|c", strings.NewReader("a"))
	r.URL.Path = "/else"
	wantAnswer(t, serve(h, r), 200, "A")
	if u.keys[0].Path != "/else" {
		t.Errorf("the path is %q", u.keys[0].Path)
	}
}

// Elasticsearch's targets are read as they were written too.
func TestPathsOfElasticsearch(t *testing.T) {
	u := &upper{send: func(context.Context, gateway.Key, []byte) (gateway.Answer, error) {
		return gateway.Answer{Status: http.StatusTeapot}, nil
	}}
	h := newHandler(t, gateway.Route{Protocol: gateway.ESBulk{}, Upstream: u}, gateway.Options{})
	r := httptest.NewRequest(http.MethodPut, "/books/_doc/a%2Fb|c", strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/json")
	wantAnswer(t, serve(h, r), http.StatusTeapot, "")
	if len(u.seen()) != 1 || !strings.Contains(u.seen()[0], `"_id":"a/b|c"`) {
		t.Errorf("the upstream got %q", u.seen())
	}
}
