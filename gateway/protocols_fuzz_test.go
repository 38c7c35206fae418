package gateway_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"testing"

	"github.com/gobatcher/batcher/gateway"
	"github.com/gobatcher/batcher/gateway/internal/conformance"
	"github.com/gobatcher/batcher/gateway/internal/stub"
)

// fuzzed is a protocol, where its calls go, and a stub that answers a batch
// as it answers the calls in it.
type fuzzed struct {
	protocol gateway.Protocol
	call     func(body string) conformance.Request
	stub     func() http.Handler
	alone    func() http.Handler // answers calls directly, in order
}

// fuzzJoin reads two calls, joins their items if they may meet, lets a stub
// answer, and checks that each call gets what the stub answers it directly, as
// decoded JSON. If the stub refuses a call, it may refuse the batch.
func fuzzJoin(f *testing.F, p fuzzed, seeds ...string) {
	for i, seed := range seeds {
		f.Add(seed, seeds[(i+1)%len(seeds)])
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		var calls []*gateway.Call
		var requests []conformance.Request
		for _, body := range []string{one, two} {
			request := p.call(body)
			call := readCall(t, p.protocol, request)
			if call == nil || len(calls) > 0 && !meet(calls[0], call) {
				continue
			}
			calls, requests = append(calls, call), append(requests, request)
		}
		if len(calls) == 0 {
			return
		}
		w := httptest.NewRecorder()
		results, ok := exchange(t, p, calls, w)
		if !ok {
			if !slices.ContainsFunc(requests, func(r conformance.Request) bool { return directly(p.alone(), r).Code >= 300 }) {
				t.Fatalf("a batch of calls that are answered alone fails: %s", w.Body)
			}
			return
		}
		alone := p.alone() // one, since what a call does may decide what the next one gets
		for i, call := range calls {
			n := len(call.Items)
			reply, err := p.protocol.Reply(call, results[:n])
			results = results[n:]
			if err != nil {
				t.Fatalf("Reply: %v", err)
			}
			want := directly(alone, requests[i])
			if want.Code != max(reply.Status, http.StatusOK) || !same(reply.Body, want.Body.Bytes()) {
				t.Fatalf("%s:\ngot  %d %s\nwant %d %s", requests[i].Body, reply.Status, reply.Body, want.Code, want.Body)
			}
		}
	})
}

// readCall reads a call; nil if it is none.
func readCall(t *testing.T, p gateway.Protocol, request conformance.Request) *gateway.Call {
	r := httptest.NewRequest(request.Method, request.URL, nil)
	r.Header = request.Header.Clone()
	body := []byte(request.Body)
	call, err := p.Read(r, body, 0)
	if err != nil {
		if call != nil {
			t.Fatalf("a call and an error: %v", err)
		}
		return nil
	}
	if string(body) != request.Body {
		t.Fatal("Read changed the body")
	}
	if len(call.Items) == 0 {
		return nil
	}
	return call
}

func meet(a, b *gateway.Call) bool {
	return a.Shape == b.Shape && a.Query == b.Query && a.ContentType == b.ContentType
}

// exchange joins the items of calls, has the stub answer and splits.
func exchange(t *testing.T, p fuzzed, calls []*gateway.Call, w *httptest.ResponseRecorder) ([]gateway.Result, bool) {
	var items []gateway.Item
	for _, call := range calls {
		items = append(items, call.Items...)
	}
	first := p.call("")
	key := gateway.Key{Method: first.Method, Path: first.URL, ContentType: "application/json", Shape: calls[0].Shape}
	if calls[0].Method != "" {
		key.Method, key.Path, key.Query, key.ContentType = calls[0].Method, calls[0].Path, calls[0].Query, calls[0].ContentType
	}
	body, err := p.protocol.Join(key, items)
	if err != nil {
		t.Fatalf("Join: %v", err)
	}
	r := httptest.NewRequest(key.Method, key.Path+"?"+key.Query, bytes.NewReader(body))
	r.Header.Set("Content-Type", key.ContentType)
	p.stub().ServeHTTP(w, r)
	if w.Code >= 300 {
		return nil, false
	}
	results, err := p.protocol.Split(key, items, gateway.Answer{Status: w.Code, Header: w.Header(), Body: w.Body.Bytes()})
	if err != nil {
		t.Fatalf("Split of %s for %s: %v", w.Body, body, err)
	}
	if len(results) != len(items) {
		t.Fatalf("%d results for %d items", len(results), len(items))
	}
	return results, true
}

// same reports whether two bodies hold the same JSON, whatever their white
// space, and whatever usage: that is shared out by weight, not by what each
// text costs alone.
func same(a, b []byte) bool {
	return bytes.Equal(a, b) || reflect.DeepEqual(decoded(a), decoded(b))
}

func decoded(body []byte) (v any) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return errors.New(string(body))
	}
	if object, ok := v.(map[string]any); ok {
		delete(object, "usage")
	}
	return v
}

// fuzzSplit takes any answer apart and puts it together again: no panic, a result
// for each item or an error, and valid JSON for each caller.
func fuzzSplit(f *testing.F, p fuzzed, call string, seeds ...string) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		request := p.call(call)
		read := readCall(t, p.protocol, request)
		if read == nil {
			t.Fatalf("%s is no call", call)
		}
		results, err := p.protocol.Split(gateway.Key{Shape: read.Shape}, read.Items, gateway.Answer{Status: 200, Body: answer})
		if err != nil && results == nil {
			return
		}
		if len(results) != len(read.Items) {
			t.Fatalf("%d results for %d items", len(results), len(read.Items))
		}
		reply, err := p.protocol.Reply(read, results)
		if err == nil && !json.Valid(reply.Body) {
			t.Fatalf("the reply is no JSON: %q", reply.Body)
		}
	})
}

var (
	fuzzedEmbeddings = fuzzed{gateway.OpenAIEmbeddings{}, embeddingsCall,
		func() http.Handler { return stub.Embeddings{Reverse: true} }, func() http.Handler { return stub.Embeddings{} }}
	fuzzedRPC = fuzzed{gateway.JSONRPC{}, rpc,
		func() http.Handler { return &stub.JSONRPC{Reverse: true} }, func() http.Handler { return &stub.JSONRPC{} }}
	fuzzedOIP  = fuzzed{gateway.OIPv2{}, infer, oipStub, oipStub}
	fuzzedES   = fuzzed{gateway.ESBulk{}, func(body string) conformance.Request { return es("PUT", "/t/_doc/1", body) }, esStub, esStub}
	fuzzedBulk = fuzzed{gateway.ESBulk{}, func(body string) conformance.Request { return es("POST", "/t/_bulk", body) }, esStub, esStub}
)

func oipStub() http.Handler { return stub.OIP{} }
func esStub() http.Handler  { return &stub.Elastic{Forgets: true} }

func FuzzEmbeddingsJoin(f *testing.F) {
	fuzzJoin(f, fuzzedEmbeddings, `{"input":"a","model":"m"}`, `{"input":["b","c"],"model":"m"}`, `{"input":[1,2],"model":"m"}`,
		`{"model":"m","input":[[1],[2,3]]}`, `{"input":["a"],"model":"m","dimensions":3,"encoding_format":"base64"}`, `{"in\u0070ut":"\ud83d\ude00","model":"m"}`)
}

func FuzzEmbeddingsSplit(f *testing.F) {
	fuzzSplit(f, fuzzedEmbeddings, `{"input":["a","bc"]}`, `{"data":[{"index":1},{"index":0}],"usage":{"prompt_tokens":7,"total_tokens":7}}`,
		`{"usage":{"a":{"b":18446744073709551615,"c":1.5}},"data":[{"index":0},{"index":1}]}`)
}

func FuzzJSONRPCJoin(f *testing.F) {
	fuzzJoin(f, fuzzedRPC, `{"jsonrpc":"2.0","method":"echo","params":[1],"id":1}`, `[{"jsonrpc":"2.0","method":"echo","id":"a"},{"jsonrpc":"2.0","method":"sum","params":[1,2]}]`,
		`{"id":null,"jsonrpc":"2.0","method":"fail"}`, `{"jsonrpc":"2.0","method":"x"}`)
}

func FuzzJSONRPCSplit(f *testing.F) {
	fuzzSplit(f, fuzzedRPC, `[{"jsonrpc":"2.0","method":"m","id":"a"},{"jsonrpc":"2.0","method":"m"},{"jsonrpc":"2.0","method":"m","id":7}]`,
		`[{"id":3,"result":1},{"id":1,"error":{}}]`, `{"error":{"code":1},"id":null}`, `{"error":1}`, ``)
}

func FuzzOIPJoin(f *testing.F) {
	fuzzJoin(f, fuzzedOIP, `{"id":"x","inputs":[{"name":"a","shape":[2,2],"datatype":"FP32","data":[1,2,3,4]}]}`,
		`{"id":"y","inputs":[{"name":"a","shape":[1,2],"datatype":"FP32","data":[5,6]}]}`,
		`{"inputs":[{"name":"a","shape":[1,2],"datatype":"FP32","data":[[5,6]]},{"name":"b","shape":[1],"datatype":"BYTES","data":["x"]}]}`)
}

func FuzzOIPSplit(f *testing.F) {
	fuzzSplit(f, fuzzedOIP, `{"id":"x","inputs":[{"name":"a","shape":[2,2],"datatype":"FP32","data":[1,2,3,4]}]}`,
		`{"id":"batch","outputs":[{"name":"a","shape":[2,2],"datatype":"FP32","data":[1,2,3,4]},{"shape":[2],"data":[5,6]}]}`,
		`{"outputs":[{"data":[[[1]],[[2]]],"shape":[2,1,1]}]}`, `{"outputs":[]}`)
}

func FuzzESJoin(f *testing.F) {
	fuzzJoin(f, fuzzedES, "{\"a\":1}", "{\n\"b\": [1,\r\n2] }\n")
}

func FuzzESBulkJoin(f *testing.F) {
	fuzzJoin(f, fuzzedBulk, "{\"index\":{\"_id\":\"1\"}}\n{\"a\":1}\n{\"delete\":{\"_index\":\"u\",\"_id\":\"2\"}}\n", "\n{\"create\":{ \"_id\": 3,\"routing\":\"r\"}}\r\n{}\n",
		"{\"update\":{\"_id\":\"1\",\"if_seq_no\":1,\"if_primary_term\":1}}\n{\"doc\":{},\"upsert\":{}}\n")
}

func FuzzESSplit(f *testing.F) {
	fuzzSplit(f, fuzzedBulk, "{\"index\":{\"_id\":\"1\"}}\n{}\n{\"delete\":{\"_id\":\"2\"}}\n",
		`{"errors":false,"items":[{"index":{"_id":"1","status":201}},{"delete":{"_id":"2","status":404,"error":{"type":"x","caused_by":{}}}}],"took":1}`)
}

func FuzzESSplitSingle(f *testing.F) {
	fuzzSplit(f, fuzzedES, "{}", `{"items":[{"index":{"_id":"1","status":201,"_index":"a b"}}]}`, `{"items":[{"index":{"_id":"1","status":404,"error":{"type":"x","caused_by":{}}}}]}`,
		`{"items":[{"index":{"_id":"1","status":404,"error":"x"}}]}`, `{"items":[{"index":{"_id":"1","status":404,"error":{}}}]}`)
}
