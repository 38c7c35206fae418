package gateway_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/gobatcher/batcher/gateway"
	"github.com/gobatcher/batcher/gateway/internal/conformance"
	"github.com/gobatcher/batcher/gateway/internal/stub"
)

func infer(body string) conformance.Request {
	return conformance.Request{Method: "POST", URL: "/v2/models/m/infer", Body: body}
}

func TestOIPv2Conforms(t *testing.T) {
	for name, f := range map[string]struct{ a, b string }{
		"flat":   {`9007199254740993, %d`, `"row %d"`},
		"nested": {`[9007199254740993, %d]`, `["row %d"]`},
	} {
		t.Run(name, func(t *testing.T) {
			request := func(more string, ids ...int) conformance.Request {
				return infer(fmt.Sprintf(`{"id": "call %[1]d", "inputs": [{"name": "a", "shape": [%[2]d, 2], "datatype": "INT64", "data": [%[3]s]},
					{"data": [%[4]s], "name": "b", "shape": [%[2]d, 1], "datatype": "BYTES", "parameters": {"z": 1, "a": 2}}]%[5]s}`,
					ids[0], len(ids), list(ids, f.a, ","), list(ids, f.b, ","), more))
			}
			conformance.Run(t, stubbed(conformance.Fixture{
				Protocol:  gateway.OIPv2{},
				Pattern:   "/v2/models/{rest...}",
				Request:   func(ids ...int) conformance.Request { return request("", ids...) },
				Other:     func(id int) conformance.Request { return request(`, "priority": 9007199254740993`, id) },
				Malformed: []string{"", "{", `{"inputs":[1,]}`, `{"inputs":[],"inputs":[]}`, "{\"inputs\":[\"\xff\"]}", "[]"},
			}, stub.OIP{}, stub.OIP{}, moreRows))
		})
	}
}

// moreRows changes the number of rows in an answer.
func moreRows(body []byte, extra int) []byte {
	var whole map[string]any
	must(json.Unmarshal(body, &whole))
	var outputs []struct {
		Name     string            `json:"name"`
		Datatype string            `json:"datatype"`
		Shape    []int             `json:"shape"`
		Data     []json.RawMessage `json:"data"`
	}
	must(json.Unmarshal(encoded(whole["outputs"]), &outputs))
	for i := range outputs {
		o := &outputs[i]
		o.Data = more(o.Data, len(o.Data)/o.Shape[0], extra)
		o.Shape[0] += extra
	}
	whole["outputs"] = outputs
	return encoded(whole)
}
