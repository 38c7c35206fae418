package gateway_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gobatcher/batcher/gateway"
)

// A client of JSON-RPC finds its id and an error object in what the gateway
// itself has to say.
func TestJSONRPCExplainsInItsOwnWay(t *testing.T) {
	gone := &upper{send: func(context.Context, gateway.Key, []byte) (gateway.Answer, error) {
		return gateway.Answer{}, errors.New(`no "line"`)
	}}
	h := newHandler(t, gateway.Route{Protocol: gateway.JSONRPC{}, Upstream: gone, MaxBody: 200, MaxPending: 2, MaxItems: 2}, gateway.Options{})
	const object = `,"error":{"code":-32603,"message":"the upstream did not answer: no \"line\"","data":{"status":502}}}`
	for _, test := range []struct {
		body   string
		status int
		want   string
	}{
		{`{"jsonrpc":"2.0","id":"a","method":"m"}`, 502, `{"jsonrpc":"2.0","id":"a"` + object},
		{`[{"jsonrpc":"2.0","id":1.0,"method":"m"},{"jsonrpc":"2.0","method":"m"}]`, 502, `[{"jsonrpc":"2.0","id":1.0` + object + `]`},
		{`{"jsonrpc":"2.0","method":"m"}`, 502, `{"jsonrpc":"2.0","id":null` + object},
		{`[{"jsonrpc":"2.0","id":1,"method":"m"},{"jsonrpc":"2.0","id":2,"method":"m"},{"jsonrpc":"2.0","id":3,"method":"m"}]`, 413,
			`{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"more items than the 2 that may wait","data":{"status":413}}}`},
		{`{` + string(make([]byte, 200)), 413, `{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"the body is longer than 200 bytes"`},
	} {
		got := post(h, test.body)
		wantAnswer(t, got, test.status, test.want)
		if kind := got.Header().Get("Content-Type"); kind != "application/json" {
			t.Errorf("Content-Type %q", kind)
		}
	}
}

// An error of the gateway's in place of an upstream's body has a type of its own,
// not that body's, nor none.
func TestExplainedErrorsAreJSON(t *testing.T) {
	for _, header := range []http.Header{nil, {"Content-Type": {"text/plain"}}} {
		u := &upper{send: func(context.Context, gateway.Key, []byte) (gateway.Answer, error) {
			return gateway.Answer{Status: 500, Header: header, Body: []byte(`[{"jsonrpc":"2.0","id":7,"result":1}]`)}, nil
		}}
		got := post(newHandler(t, gateway.Route{Protocol: gateway.JSONRPC{}, Upstream: u}, gateway.Options{}), `{"jsonrpc":"2.0","id":"a","method":"m"}`)
		wantAnswer(t, got, 500, `{"jsonrpc":"2.0","id":"a","error":{"code":-32603,`)
		if kind := got.Header().Get("Content-Type"); kind != "application/json" {
			t.Errorf("Content-Type %q", kind)
		}
	}
}

// Clients of Ethereum take -32000 for the caller's fault, and the code of a limit,
// like that of an internal error, for a reason to ask again.
func TestJSONRPCOverloadHasTheCodeOfALimit(t *testing.T) {
	busy := &upper{send: func(ctx context.Context, _ gateway.Key, _ []byte) (gateway.Answer, error) {
		<-ctx.Done()
		return gateway.Answer{}, ctx.Err()
	}}
	h := newHandler(t, gateway.Route{Protocol: gateway.JSONRPC{}, Upstream: busy, MaxItems: 1, MaxPending: 1}, gateway.Options{})
	const call = `{"jsonrpc":"2.0","id":"a","method":"m"}`
	ctx, leave := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { serve(h, httptest.NewRequestWithContext(ctx, http.MethodPost, "/", strings.NewReader(call))) })
	until(t, func() bool { return h.Stats()["/"].Pending == 1 })
	wantAnswer(t, post(h, call), 429, `{"jsonrpc":"2.0","id":"a","error":{"code":-32005,"message":"too many items are waiting","data":{"status":429}}}`)
	leave()
	all.Wait()
}

// Servers of the inference protocols give an error as a text.
func TestInferenceErrorsAreTexts(t *testing.T) {
	for path, p := range map[string]gateway.Protocol{"/m:predict": gateway.NewKServeV1(), "/m/infer": gateway.OIPv2{}} {
		h := newHandler(t, gateway.Route{Protocol: p, Upstream: &upper{}, MaxBody: 5}, gateway.Options{})
		r, err := http.NewRequest(http.MethodPost, path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = 6
		wantAnswer(t, serve(h, r), 413, `{"error":"the body is longer than 5 bytes"}`)
	}
}
