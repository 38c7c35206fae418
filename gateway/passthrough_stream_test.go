package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/gobatcher/batcher/gateway"
)

// An upstream may end a stream of HTTP/2, as servers of gRPC do when a call fails,
// while the caller has more to send. The caller learns of it at once, not when
// it sends the next part of its body.
func TestStreamsEndWithTheUpstreams(t *testing.T) {
	up := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/aborted" {
			w.Header().Set("Trailer", "Grpc-Status")
			_, _ = io.WriteString(w, "some")
			_ = http.NewResponseController(w).Flush()
			w.Header().Set("Grpc-Status", "8")
		}
		if r.URL.Path != "/ended" {
			panic(http.ErrAbortHandler)
		}
	}))
	up.EnableHTTP2 = true
	up.StartTLS()
	defer up.Close()
	transport := gateway.NewTransport()
	transport.TLSClientConfig = up.Client().Transport.(*http.Transport).TLSClientConfig
	defer transport.CloseIdleConnections()
	u, err := gateway.NewHTTP(up.URL, gateway.HTTPOptions{Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewUnstartedServer(newHandler(t, gateway.Route{Pattern: "/words", Upstream: u}, gateway.Options{Fallback: u}))
	front.EnableHTTP2 = true
	front.StartTLS()
	defer front.Close()
	for path, want := range map[string]string{
		"/ended":   `200 "some" 8`,
		"/cut":     `200 "some" and an error`,
		"/aborted": `502`,
	} {
		t.Run(path, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			body, in := io.Pipe()
			defer in.Close()
			defer context.AfterFunc(ctx, func() { _ = in.Close() })() // net/http's client does not see ctx end while it waits for the body
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, front.URL+path, body)
			if err != nil {
				t.Fatal(err)
			}
			if got := streamed(front.Client(), req); got != want || ctx.Err() != nil {
				t.Errorf("got %s, %v, want %s", got, ctx.Err(), want)
			}
		})
	}
}

// streamed tells of the answer to r. The body of one of the gateway's own is left out.
func streamed(client *http.Client, r *http.Request) string {
	res, err := client.Do(r)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return strconv.Itoa(res.StatusCode)
	}
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Sprintf("%d %q and an error", res.StatusCode, text)
	}
	return fmt.Sprintf("%d %q %s", res.StatusCode, text, res.Trailer.Get("Grpc-Status"))
}
