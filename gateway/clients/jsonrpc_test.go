package clients_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/creachadair/jrpc2"
	"github.com/creachadair/jrpc2/jhttp"

	"github.com/gobatcher/batcher/gateway"
	"github.com/gobatcher/batcher/gateway/internal/stub"
)

// rpcClient makes a client; all of them count their ids from 1.
func rpcClient(t *testing.T, f *front) *jrpc2.Client {
	client := jrpc2.NewClient(jhttp.NewChannel(f.url, nil), nil)
	t.Cleanup(func() { client.Close() })
	return client
}

func TestJSONRPCClientGetsItsResults(t *testing.T) {
	f := start(t, gateway.JSONRPC{}, &stub.JSONRPC{Reverse: true})
	f.each(t, func(i int) {
		client := rpcClient(t, f)
		var got []int
		if err := client.CallResult(t.Context(), "echo", []int{i, 7}, &got); err != nil || len(got) != 2 || got[0] != i {
			t.Errorf("caller %d: got %v, %v", i, got, err)
		}
	})
}

func TestJSONRPCClientGetsItsErrors(t *testing.T) {
	f := start(t, gateway.JSONRPC{}, &stub.JSONRPC{Reverse: true})
	f.each(t, func(i int) {
		_, err := rpcClient(t, f).Call(t.Context(), "fail", []int{i})
		var e *jrpc2.Error
		if !errors.As(err, &e) || e.Code != -32000 || string(e.Data) != fmt.Sprintf("[%d]", i) {
			t.Errorf("caller %d: got %v", i, err)
		}
	})
	if _, err := rpcClient(t, f).Call(t.Context(), "none", nil); jrpc2.ErrorCode(err) != jrpc2.MethodNotFound {
		t.Errorf("got %v, want method not found", err)
	}
}

func TestJSONRPCClientSendsBatches(t *testing.T) {
	server := &stub.JSONRPC{Reverse: true}
	f := start(t, gateway.JSONRPC{}, server)
	f.each(t, func(i int) {
		got, err := rpcClient(t, f).Batch(t.Context(), []jrpc2.Spec{
			{Method: "sum", Params: []int{i, 1}},
			{Method: "echo", Params: []int{i}, Notify: true},
			{Method: "fail", Params: []int{i}},
			{Method: "echo", Params: map[string]int{"i": i}},
		})
		if err != nil || len(got) != 3 {
			t.Errorf("caller %d: %d results, %v", i, len(got), err)
			return
		}
		var sum int
		var echo map[string]int
		if err := got[0].UnmarshalResult(&sum); err != nil || sum != i+1 {
			t.Errorf("caller %d: sum %d, %v", i, sum, err)
		}
		if e := got[1].Error(); e == nil || string(e.Data) != fmt.Sprintf("[%d]", i) {
			t.Errorf("caller %d: error %v", i, e)
		}
		if err := got[2].UnmarshalResult(&echo); err != nil || echo["i"] != i {
			t.Errorf("caller %d: echo %v, %v", i, echo, err)
		}
	})
	if n := server.Notified.Load(); n != callers {
		t.Errorf("%d notifications came, want %d", n, callers)
	}
}

func TestJSONRPCClientNotifies(t *testing.T) {
	server := &stub.JSONRPC{}
	f := start(t, gateway.JSONRPC{}, server)
	client := rpcClient(t, f)
	if err := client.Notify(t.Context(), "echo", []int{1}); err != nil {
		t.Fatal(err)
	}
	var got json.RawMessage
	if err := client.CallResult(t.Context(), "echo", []int{2}, &got); err != nil || string(got) != "[2]" {
		t.Errorf("the call after it: got %s, %v", got, err)
	}
	client.Close() // waits for the notification's answer
	if n := server.Notified.Load(); n != 1 {
		t.Errorf("%d notifications came, want 1", n)
	}
}

func TestJSONRPCClientGetsAnErrorForAll(t *testing.T) {
	f := start(t, gateway.JSONRPC{}, &stub.JSONRPC{MaxBatch: 1})
	f.each(t, func(i int) {
		_, err := rpcClient(t, f).Batch(t.Context(), []jrpc2.Spec{{Method: "echo"}, {Method: "echo"}})
		if err != nil {
			t.Errorf("caller %d: %v", i, err)
		}
	})
	got, err := rpcClient(t, f).Batch(t.Context(), []jrpc2.Spec{{Method: "echo"}, {Method: "echo"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range got {
		if e := one.Error(); e == nil || e.Code != -32005 {
			t.Errorf("got %v, want error -32005", e)
		}
	}
}
