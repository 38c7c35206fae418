package gateway

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"unicode/utf8"

	"github.com/gobatcher/batcher/gateway/internal/jsonraw"
)

// JSONRPC is the protocol "json-rpc": JSON-RPC 2.0 over HTTP
// (https://www.jsonrpc.org/specification). Single calls, and the calls in
// callers' own arrays, become one array; a batch of one call is sent as an
// object.
//
// A call has an id of the gateway's while it is in the batch, and its own
// again, byte by byte, in its answer. Answers may come in any order. An error
// object in place of the array, or one without an id as its only element, answers
// every call; if it may be due to one of them, the batch is first sent again in
// parts: always where nothing has been executed, and else where the route
// isolates. A notification is sent and has no answer: a caller that sent nothing
// else gets status 204. The header X-Api-Key divides batches.
//
// What is not JSON is answered with error -32700 and status 400; if the gateway
// has no answer for another reason, each call gets an error: -32005 with status
// 429, -32603 with one of 500 and above, and else -32000. What is no valid
// request, or an array that holds one, is no call of this protocol: the upstream
// says what is wrong.
type JSONRPC struct{}

// rpcHeaders say on whose account a call is made, beside Authorization.
var rpcHeaders = []string{"X-Api-Key"}

// rpcCaller is what Reply must know of a call.
type rpcCaller struct {
	ids   [][]byte // of the items, as the caller wrote them; nil for a notification
	array bool     // the caller sent an array
}

// Match wants a POST of what may be JSON.
func (JSONRPC) Match(r *http.Request) bool {
	return r.Method == http.MethodPost && mayBeJSON(r.Header)
}

// Read makes an item of each JSON-RPC request: its text, with a hole for the id.
func (JSONRPC) Read(_ *http.Request, body []byte, most int) (*Call, error) {
	requests, caller, err := [][]byte{trim(body)}, &rpcCaller{}, error(nil)
	if jsonraw.Kind(body) == '[' {
		caller.array = true
		requests, err = jsonraw.Elements(body, most)
	}
	if err == nil && !utf8.Valid(body) {
		err = errors.New("JSON is not UTF-8")
	}
	call := &Call{State: caller, Headers: rpcHeaders, Items: make([]Item, 0, len(requests))}
	for _, request := range requests {
		if err == nil {
			err = caller.add(call, request)
		}
	}
	switch {
	case errors.Is(err, ErrNotMine), err == nil && len(call.Items) == 0:
		return nil, ErrNotMine
	case errors.Is(err, jsonraw.ErrMany):
		return nil, tooMany(most)
	case err != nil:
		return nil, &Error{Status: http.StatusBadRequest, Header: jsonHeader(), Text: err.Error(),
			Body: []byte(`{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}`)}
	}
	return call, nil
}

// add makes an item of one JSON-RPC request.
func (c *rpcCaller) add(call *Call, request []byte) error {
	if jsonraw.Kind(request) != '{' {
		return cmp.Or(jsonraw.Valid(request), ErrNotMine)
	}
	m, err := rpcMembersOf(request)
	if err != nil {
		return err
	}
	if m.odd || string(m.version) != `"2.0"` || !isRPCMethod(m.method) || !isRPCParams(m.params) {
		return ErrNotMine
	}
	call.Alone = call.Alone || m.alone
	switch id := m.id.Of(request); jsonraw.Kind(id) {
	case 0: // a notification
		call.Items, c.ids = append(call.Items, Item{Data: request}), append(c.ids, nil)
	case '{', '[', 't', 'f':
		return ErrNotMine
	default:
		call.Items, c.ids = append(call.Items, Item{Data: cutOut(request, m.id)}), append(c.ids, id)
	}
	return nil
}

// rpcMembers are the members of a request or an answer that matter.
type rpcMembers struct {
	version, method, params, failure []byte
	id                               jsonraw.Span // none: zero
	alone                            bool         // not every server takes it: see Call
	odd                              bool         // there is a name that some servers take for one of these
}

func rpcMembersOf(object []byte) (m rpcMembers, err error) {
	var text jsonraw.Scanner
	err = text.Members(object, func(name string, value jsonraw.Span) {
		switch name {
		case "jsonrpc":
			m.version = value.Of(object)
		case "method":
			m.method = value.Of(object)
		case "params":
			m.params = value.Of(object)
		case "error":
			m.failure = value.Of(object)
		case "id":
			m.id = value
		default:
			m.odd = m.odd || imitates(name, "jsonrpc", "method", "params", "id")
		}
	})
	m.alone = text.Odd
	return m, err
}

// failed reports whether an answer is an error.
func (m rpcMembers) failed() bool { return m.failure != nil && string(m.failure) != "null" }

// isRPCMethod reports whether a request may have this method. To some servers, such
// as geth, what has an empty one may be an answer, to which there is none.
func isRPCMethod(method []byte) bool { return jsonraw.Kind(method) == '"' && string(method) != `""` }

// isRPCParams reports whether a request may have these params.
func isRPCParams(params []byte) bool {
	kind := jsonraw.Kind(params)
	return params == nil || kind == '[' || kind == '{'
}

// isRPCCall reports whether item wants an answer.
func isRPCCall(item Item) bool { return bytes.IndexByte(item.Data, hole[0]) >= 0 }

// Join makes an array of the requests, unless there is only one, and fills the
// holes with the items' places, counted from 1.
func (JSONRPC) Join(_ Key, items []Item) ([]byte, error) {
	body := make([]byte, 0, sizeOf(items)+12*len(items)+2)
	if len(items) > 1 {
		body = append(body, '[')
	}
	for i, item := range items {
		if i > 0 {
			body = append(body, ',')
		}
		if before, after, isCall := bytes.Cut(item.Data, hole); isCall {
			body = fmt.Append(append(body, before...), i+1)
			body = append(body, after...)
		} else {
			body = append(body, item.Data...)
		}
	}
	if len(items) > 1 {
		body = append(body, ']')
	}
	return body, nil
}

// Reply fills the holes with the caller's ids. Its status is the highest of the
// results'.
func (JSONRPC) Reply(call *Call, results []Result) (Reply, error) {
	caller, ok := call.State.(*rpcCaller)
	if !ok || len(caller.ids) != len(results) {
		return Reply{}, errState
	}
	var body []byte
	status := 0
	for i, result := range results {
		status = max(status, result.Status)
		if caller.ids[i] == nil {
			continue
		}
		if len(body) > 0 {
			body = append(body, ',')
		} else if caller.array {
			body = append(body, '[')
		}
		before, after, _ := bytes.Cut(result.Body, hole)
		body = append(append(body, before...), caller.ids[i]...)
		body = append(body, after...)
	}
	switch {
	case body == nil:
		return Reply{Status: cmp.Or(status, http.StatusNoContent)}, nil
	case caller.array:
		body = append(body, ']')
	}
	return Reply{Status: status, Body: body}, nil
}
