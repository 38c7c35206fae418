package config

import "github.com/gobatcher/batcher/gateway"

// protocol is a protocol that a route can name.
type protocol struct {
	name string
	text string // for the reference
	make func(Route) (gateway.Protocol, error)
}

var protocols = []protocol{
	{"kserve-v1", "KServe V1 and TensorFlow Serving: POST …:predict with instances, answered with predictions.", just(gateway.NewKServeV1())},
	{"oip-v2", "Open Inference Protocol: POST …/infer with input tensors, which are joined on dimension 0; an item is a row.", just(gateway.OIPv2{})},
	{"openai-embeddings", "OpenAI's embeddings: POST …/embeddings with input, answered with data and usage. The weight is tokens.", just(gateway.OpenAIEmbeddings{})},
	{esBulk, "Elasticsearch and OpenSearch: single index, create, update and delete calls, and bulks, become one POST /_bulk.", just(gateway.ESBulk{})},
	{"json-rpc", "JSON-RPC 2.0 over HTTP: calls become one array; answers may come in any order.", just(gateway.JSONRPC{})},
	{"json-array", "Any endpoint that takes an array somewhere in a JSON body and answers with one somewhere in another: see the keys items and results.",
		func(r Route) (gateway.Protocol, error) { return gateway.NewJSONArray(r.Items, r.Results) }},
	{exec, "A program in any language in place of an HTTP upstream: an array of items a line in, an array of results a line out; see the key command.", just(gateway.Exec{})},
}

const (
	esBulk    = "es-bulk"
	exec      = "exec"
	jsonArray = "json-array"
)

// just returns the make of a protocol that has nothing to set.
func just(p gateway.Protocol) func(Route) (gateway.Protocol, error) {
	return func(Route) (gateway.Protocol, error) { return p, nil }
}

// find returns the protocol that r names, or if there is none the names of all.
func (r Route) find() (protocol, []string) {
	var names []string
	for _, p := range protocols {
		if p.name == r.Protocol {
			return p, nil
		}
		names = append(names, p.name)
	}
	return protocol{}, names
}
