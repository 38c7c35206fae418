package gateway_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gobatcher/batcher/gateway"
	"github.com/gobatcher/batcher/gateway/internal/conformance"
)

// BenchmarkProtocols is what a batch of 64 calls of one item costs in the
// protocol alone: Read, Join, Split and Reply. An op is one call.
func BenchmarkProtocols(b *testing.B) {
	vector := "[" + strings.TrimSuffix(strings.Repeat("-0.0069292834,", 1536), ",") + "]"
	for name, c := range map[string]struct {
		protocol     gateway.Protocol
		call         conformance.Request
		before, item string
		after        string
	}{
		"openai-embeddings": {gateway.OpenAIEmbeddings{}, embeddingsCall(`{"model":"text-embedding-3-small","input":"` + strings.Repeat("word ", 50) + `"}`),
			`{"object":"list","data":[`, `{"object":"embedding","index":%[1]d,"embedding":` + vector + `}`, `],"model":"m","usage":{"prompt_tokens":3200,"total_tokens":3200}}`},
		"json-rpc": {gateway.JSONRPC{}, rpc(`{"jsonrpc":"2.0","id":7,"method":"eth_call","params":[{"to":"0x0000000000000000000000000000000000000000","data":"0x70a08231"},"latest"]}`),
			`[`, `{"jsonrpc":"2.0","id":%[2]d,"result":"0x0000000000000000000000000000000000000000000000000000000000000001"}`, `]`},
		"es-bulk": {gateway.ESBulk{}, es("PUT", "/t/_doc/1?routing=r", `{"title":"a title","text":"`+strings.Repeat("word ", 50)+`","n":1}`),
			`{"errors":false,"took":7,"items":[`, `{"index":{"_index":"t","_id":"1","_version":1,"result":"created","_shards":{"total":2,"successful":1,"failed":0},"_seq_no":1,"_primary_term":1,"status":201}}`, `]}`},
		"oip-v2": {gateway.OIPv2{}, infer(`{"id":"a","inputs":[{"name":"x","shape":[1,256],"datatype":"FP32","data":[` + strings.TrimSuffix(strings.Repeat("0.123456,", 256), ",") + `]}]}`),
			`{"model_name":"m","outputs":[{"name":"y","shape":[64,4],"datatype":"FP32","data":[`, `0.25,0.25,0.25,0.25`, `]}]}`},
	} {
		b.Run(name, func(b *testing.B) {
			parts := make([]string, 64)
			for i := range parts {
				parts[i] = strings.NewReplacer("%[1]d", fmt.Sprint(i), "%[2]d", fmt.Sprint(i+1)).Replace(c.item)
			}
			answer := gateway.Answer{Status: 200, Body: []byte(c.before + strings.Join(parts, ",") + c.after)}
			b.ReportAllocs()
			for n := 0; n < b.N; n += len(parts) {
				oneBatch(b, c.protocol, c.call, len(parts), answer)
			}
		})
	}
}

// oneBatch gets n equal calls answered.
func oneBatch(b *testing.B, p gateway.Protocol, request conformance.Request, n int, answer gateway.Answer) {
	r := httptest.NewRequest(request.Method, request.URL, nil)
	r.Header = request.Header
	calls, items := make([]*gateway.Call, n), make([]gateway.Item, n)
	for i := range calls {
		call, err := p.Read(r, []byte(request.Body), 0)
		if err != nil {
			b.Fatal(err)
		}
		calls[i], items[i] = call, call.Items[0]
	}
	key := gateway.Key{Shape: calls[0].Shape}
	if _, err := p.Join(key, items); err != nil {
		b.Fatal(err)
	}
	results, err := p.Split(key, items, answer)
	if err != nil {
		b.Fatal(err)
	}
	for i, call := range calls {
		if _, err := p.Reply(call, results[i:i+1]); err != nil {
			b.Fatal(err)
		}
	}
}
