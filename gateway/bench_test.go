package gateway_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gobatcher/batcher/gateway"
)

// nobody drops an answer.
type nobody struct{ header http.Header }

func (w nobody) Header() http.Header         { return w.header }
func (w nobody) Write(p []byte) (int, error) { return len(p), nil }
func (w nobody) WriteHeader(int)             {}

// BenchmarkCall is what a call of 1 KB costs in a gateway without sockets,
// whose upstream answers at once.
func BenchmarkCall(b *testing.B) {
	u := &upper{send: func(_ context.Context, _ gateway.Key, body []byte) (gateway.Answer, error) {
		n := strings.Count(string(body), "[1.5")
		return gateway.Answer{Status: http.StatusOK, Body: []byte(`{"predictions":[` + strings.Repeat("0.5,", n-1) + "0.5]}")}, nil
	}}
	h, err := gateway.New([]gateway.Route{{Pattern: "/v1/models/{rest...}", Protocol: gateway.NewKServeV1(), Upstream: u}}, gateway.Options{})
	if err != nil {
		b.Fatal(err)
	}
	body := `{"instances":[[1.5` + strings.Repeat(",0.25", 200) + `]]}`
	b.SetBytes(int64(len(body)))
	b.SetParallelism(128)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			h.ServeHTTP(nobody{make(http.Header)}, httptest.NewRequest(http.MethodPost, "/v1/models/m:predict", strings.NewReader(body)))
		}
	})
	u.bodies, u.keys = nil, nil
}
