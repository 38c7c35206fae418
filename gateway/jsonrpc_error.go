package gateway

import (
	"fmt"
	"net/http"
)

// The codes of errors between the caller and the upstream. Clients of Ethereum
// nodes, where they are those of EIP-1474, take rpcFailed for the caller's fault,
// and ask again after the others.
const (
	rpcFailed   = -32000 // one of those that JSON-RPC leaves to servers
	rpcLimited  = -32005 // another: a limit is exceeded
	rpcInternal = -32603 // internal error
)

// rpcCodeFor returns the code of an answer with this status.
func rpcCodeFor(status int) int {
	switch {
	case status == http.StatusTooManyRequests:
		return rpcLimited
	case status >= http.StatusInternalServerError:
		return rpcInternal
	}
	return rpcFailed
}

// Explain returns an error object with its own id for each call, or one with the
// id null for a body that was not read. Their data hold the HTTP status.
func (JSONRPC) Explain(call *Call, e *Error) []byte {
	text := appendString(nil, e.Text)
	one := func(dst, id []byte) []byte {
		return fmt.Appendf(dst, `{"jsonrpc":"2.0","id":%s,"error":{"code":%d,"message":%s,"data":{"status":%d}}}`, id, rpcCodeFor(e.Status), text, e.Status)
	}
	caller := &rpcCaller{}
	if call != nil {
		if c, ok := call.State.(*rpcCaller); ok {
			caller = c
		}
	}
	var body []byte
	for _, id := range caller.ids {
		if id == nil {
			continue
		}
		if body != nil {
			body = append(body, ',')
		}
		body = one(body, id)
	}
	switch {
	case body == nil:
		return one(nil, []byte("null"))
	case caller.array:
		return append(append([]byte{'['}, body...), ']')
	}
	return body
}
