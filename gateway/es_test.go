package gateway_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/gobatcher/batcher/gateway"
	"github.com/gobatcher/batcher/gateway/internal/conformance"
	"github.com/gobatcher/batcher/gateway/internal/stub"
)

func es(method, url, body string) conformance.Request {
	call := conformance.Request{Method: method, URL: url, Body: body}
	if body != "" {
		call.Header = http.Header{"Content-Type": {"application/json"}}
	}
	return call
}

func TestESBulkConforms(t *testing.T) { conformance.Run(t, esFixture()) }
func FuzzESBulk(f *testing.F)         { conformance.Fuzz(f, esFixture()) }

func esFixture() conformance.Fixture {
	return stubbed(conformance.Fixture{
		Protocol: gateway.ESBulk{},
		Pattern:  "/",
		Query:    "timeout",
		Request: func(ids ...int) conformance.Request {
			if len(ids) == 1 {
				return es("PUT", fmt.Sprintf("/t/_doc/%d?routing=r", ids[0]), fmt.Sprintf("{\n  \"n\": %d, \"big\": 9007199254740993\n}\n", ids[0]))
			}
			return es("POST", "/t/_bulk", list(ids, "{\"index\": {\"_id\": \"%[1]d\"}}\n{\"n\": %[1]d, \"big\": 9007199254740993}\n", ""))
		},
		Malformed: []string{"", "{", `{"n":1,}`, "{} {}", "{\"n\":\"\xff\"}", "{\"n\":1}\n{\"delete\":{\"_index\":\"t\",\"_id\":\"1\"}}\n", `{"n":"` + "\n" + `"}`, "7"},
	}, &stub.Elastic{Forgets: true}, &stub.Elastic{Forgets: true}, moreIn("items"))
}
