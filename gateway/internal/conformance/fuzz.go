package conformance

import (
	"bytes"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gobatcher/batcher/gateway"
)

// Fuzz is a fuzz target for a protocol. Whatever a caller sends, no item of it
// is lost on the way to the upstream; whatever the upstream answers, there is
// one result for each item, or an error. Nothing panics.
func Fuzz(f *testing.F, fixture Fixture) {
	for _, body := range append(fixture.Malformed, fixture.Request(1).Body, fixture.Request(1, 2, 3).Body) {
		f.Add(byte(0), []byte(body))
	}
	for n := 1; n <= 3; n++ {
		for extra := -1; extra <= 1; extra++ {
			f.Add(byte(n), answerTo(f, fixture, n, extra).Body)
		}
	}
	f.Fuzz(func(t *testing.T, n byte, data []byte) {
		if n %= 4; n > 0 {
			fuzzAnswer(t, fixture, int(n), data)
			return
		}
		fuzzCall(t, fixture, data)
	})
}

// read takes a call apart.
func read(f Fixture, call Request, body []byte) (*http.Request, *gateway.Call, error) {
	r := httptest.NewRequest(call.Method, call.URL, bytes.NewReader(body))
	maps.Copy(r.Header, call.Header)
	if !f.Protocol.Match(r) {
		return r, nil, gateway.ErrNotMine
	}
	c, err := f.Protocol.Read(r, body, 0)
	return r, c, err
}

// keyOf returns the part of a call's key that matters to Join.
func keyOf(r *http.Request, c *gateway.Call) gateway.Key {
	k := gateway.Key{Method: c.Method, Path: c.Path, Query: c.Query, ContentType: c.ContentType, Shape: c.Shape}
	if k.Method == "" {
		k.Method, k.Path, k.Query = r.Method, r.URL.EscapedPath(), r.URL.RawQuery
	}
	return k
}

// answerTo returns the upstream's answer to a call of n items.
func answerTo(tb testing.TB, f Fixture, n, extra int) Answer {
	tb.Helper()
	key, c := items(tb, f, n)
	joined, err := f.Protocol.Join(key, c.Items)
	if err != nil {
		tb.Fatal(err)
	}
	a, err := f.Answer(upstreamRequest(key, joined), joined, extra)
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

// items returns a call of n items.
func items(tb testing.TB, f Fixture, n int) (gateway.Key, *gateway.Call) {
	tb.Helper()
	call := f.Request([]int{1, 2, 3}[:n]...)
	r, c, err := read(f, call, []byte(call.Body))
	if err != nil {
		tb.Fatal(err)
	}
	return keyOf(r, c), c
}

func upstreamRequest(key gateway.Key, body []byte) *http.Request {
	url := key.Path
	if key.Query != "" {
		url += "?" + key.Query
	}
	r := httptest.NewRequest(key.Method, url, bytes.NewReader(body))
	r.Header.Set("Content-Type", key.ContentType)
	return r
}

// fuzzCall reads what was joined as a call again: it must hold the same items.
func fuzzCall(t *testing.T, f Fixture, body []byte) {
	r, c, err := read(f, f.Request(1), body)
	if err != nil || len(c.Items) == 0 {
		return
	}
	key := keyOf(r, c)
	joined, err := f.Protocol.Join(key, c.Items)
	if err != nil {
		t.Fatalf("%q cannot be joined: %v", body, err)
	}
	r2, c2, err := read(f, Request{Method: key.Method, URL: upstreamRequest(key, nil).URL.String(), Header: http.Header{"Content-Type": {key.ContentType}}}, joined)
	if err != nil {
		t.Fatalf("%q became %q, which is no call: %v", body, joined, err)
	}
	again, err := f.Protocol.Join(keyOf(r2, c2), c2.Items)
	if err != nil || len(c2.Items) != len(c.Items) || !bytes.Equal(again, joined) {
		t.Errorf("%q with %d items became %q with %d, and then %q, %v", body, len(c.Items), joined, len(c2.Items), again, err)
	}
}

// fuzzAnswer splits data as the answer to n items, and replies with it.
func fuzzAnswer(t *testing.T, f Fixture, n int, data []byte) {
	key, c := items(t, f, n)
	results, err := f.Protocol.Split(key, c.Items, gateway.Answer{Status: http.StatusOK, Body: data})
	if err != nil {
		return
	}
	if len(results) != n {
		t.Fatalf("%q: %d results for %d items", data, len(results), n)
	}
	if reply, err := f.Protocol.Reply(c, results); err == nil && reply.Status != 0 && (reply.Status < 200 || reply.Status > 599) {
		t.Errorf("%q: status %d", data, reply.Status)
	}
}
