package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gobatcher/batcher/gateway"
)

type wrapped struct{ http.RoundTripper }

// A program may have put another http.RoundTripper in the place of the standard
// one, as those do that trace.
func TestHTTPNeedsNoDefaultTransport(t *testing.T) {
	standard := http.DefaultTransport
	t.Cleanup(func() { http.DefaultTransport = standard })
	http.DefaultTransport = wrapped{standard}

	stub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("answer"))
	}))
	defer stub.Close()
	u, err := gateway.NewHTTP(stub.URL, gateway.HTTPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	answer, err := u.Send(t.Context(), gateway.Key{Method: http.MethodPost, Path: "/"}, nil)
	if err != nil || string(answer.Body) != "answer" {
		t.Errorf("got %q, %v", answer.Body, err)
	}
}
