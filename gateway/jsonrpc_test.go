package gateway_test

import (
	"testing"

	"github.com/gobatcher/batcher/gateway"
	"github.com/gobatcher/batcher/gateway/internal/conformance"
	"github.com/gobatcher/batcher/gateway/internal/stub"
)

func rpc(body string) conformance.Request {
	return conformance.Request{Method: "POST", URL: "/", Body: body}
}

func TestJSONRPCConforms(t *testing.T) {
	conformance.Run(t, stubbed(conformance.Fixture{
		Protocol: gateway.JSONRPC{},
		Pattern:  "/",
		Request: func(ids ...int) conformance.Request {
			const format = `{"jsonrpc": "2.0", "method": "echo", "params": [9007199254740993, {"z": %[1]d, "a": 1}], "id": "x%[1]d"}`
			if len(ids) == 1 {
				return rpc(list(ids, format, ""))
			}
			return rpc("[" + list(ids, format, ", ") + "]")
		},
		Malformed: []string{"", "{", "[", `{"jsonrpc":"2.0","method":"echo","id":1,}`, `{"jsonrpc":"2.0","method":"echo","id":1,"id":2}`,
			"{\"jsonrpc\":\"2.0\",\"method\":\"\xff\",\"id\":1}", `[{"jsonrpc":"2.0","method":"echo","id":1},{]`, "x"},
	}, &stub.JSONRPC{Reverse: true}, &stub.JSONRPC{}, moreOf))
}
