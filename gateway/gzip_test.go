package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gobatcher/batcher/gateway"
)

// zips answers in gzip where that is accepted.
func zips(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Asked", fmt.Sprintf("%q", r.Header["Accept-Encoding"]))
	if r.Header.Get("Accept-Encoding") != "gzip" {
		_, _ = io.WriteString(w, "A")
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	_, _ = io.Copy(w, zipped("A"))
}

// What is passed through is as compressed as its caller asked.
func TestHTTPPassesCodingsThrough(t *testing.T) {
	u := newHTTP(t, "", gateway.HTTPOptions{}, zips)
	plain := serve(u, httptest.NewRequest(http.MethodGet, "/", nil))
	if h := plain.Header(); plain.Body.String() != "A" || h.Get("X-Asked") != "[]" || h.Get("Content-Encoding") != "" || h.Get("Content-Length") != "1" {
		t.Errorf("who asked for nothing got %q, %v", plain.Body, h)
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	packed := serve(u, r)
	want, _ := io.ReadAll(zipped("A"))
	if h := packed.Header(); packed.Body.String() != string(want) || h.Get("Content-Encoding") != "gzip" {
		t.Errorf("who asked for gzip got %q, %v", packed.Body, h)
	}
}

// The answer to a batch comes compressed, and is unpacked within its limit.
func TestHTTPUnpacksAnswers(t *testing.T) {
	u := newHTTP(t, "", gateway.HTTPOptions{}, zips)
	a, err := u.Send(t.Context(), gateway.Key{Method: "POST", Path: "/"}, nil)
	if err != nil || string(a.Body) != "A" || a.Header.Get("X-Asked") != `["gzip"]` {
		t.Errorf("got %q, %v, %v", a.Body, a.Header, err)
	}
	got := post(newHandler(t, gateway.Route{Upstream: u}, gateway.Options{}), "a")
	if got.Body.String() != "A" || got.Header().Get("Content-Encoding") != "" {
		t.Errorf("a caller got %q, %v", got.Body, got.Header())
	}
	for _, c := range []struct {
		body io.Reader
		text string
	}{
		{strings.NewReader("no gzip at all"), "gzip: invalid header"},
		{io.LimitReader(zipped("words, words, words"), 20), "unexpected EOF"},
		{zipped(strings.Repeat("a", 1001)), "longer than 1000 bytes"},
	} {
		u := newHTTP(t, "", gateway.HTTPOptions{MaxAnswer: 1000}, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.Copy(w, c.body)
		})
		wantAnswer(t, post(newHandler(t, gateway.Route{Upstream: u}, gateway.Options{}), "a"), 502, c.text)
	}
}

// An answer without a body is none in gzip either.
func TestHTTPUnpacksNothing(t *testing.T) {
	for _, chunked := range []bool{false, true} {
		u := newHTTP(t, "", gateway.HTTPOptions{}, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			if chunked {
				_ = http.NewResponseController(w).Flush()
			}
		})
		if a, err := u.Send(t.Context(), gateway.Key{Method: "POST", Path: "/"}, nil); err != nil || a.Status != 200 || len(a.Body) > 0 {
			t.Errorf("chunked %t: got %+v, %v", chunked, a, err)
		}
	}
}

// gzip has two names. An answer in another coding would reach callers without the
// header that names it.
func TestHTTPAnswersInACoding(t *testing.T) {
	for coding, want := range map[string]string{"GZIP": "A", "x-gzip": "A", "br": "not asked for", "gzip, gzip": "not asked for"} {
		for _, status := range []int{http.StatusOK, http.StatusTooManyRequests} {
			u := newHTTP(t, "", gateway.HTTPOptions{}, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Encoding", coding)
				w.WriteHeader(status)
				_, _ = io.Copy(w, zipped("A"))
			})
			if want != "A" {
				status = http.StatusBadGateway
			}
			wantAnswer(t, post(newHandler(t, gateway.Route{Upstream: u}, gateway.Options{}), "a"), status, want)
		}
	}
}

// Codings on several lines are one list.
func TestRequestInTwoCodings(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/", zipped("a"))
	r.Header["Content-Encoding"] = []string{"gzip", "br"}
	wantAnswer(t, serve(newHandler(t, gateway.Route{Upstream: &upper{}}, gateway.Options{}), r), 415, "gzip, br")
}
