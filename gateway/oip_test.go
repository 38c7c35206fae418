package gateway_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gobatcher/batcher/gateway"
	"github.com/gobatcher/batcher/gateway/internal/conformance"
	"github.com/gobatcher/batcher/gateway/internal/stub"
)

func infer(body string) conformance.Request {
	return conformance.Request{Method: "POST", URL: "/v2/models/m/infer", Body: body}
}

func TestOIPv2Conforms(t *testing.T) {
	t.Run("flat", func(t *testing.T) { conformance.Run(t, oipFixture(`9007199254740993, %d`, `"row %d"`)) })
	t.Run("nested", func(t *testing.T) { conformance.Run(t, oipFixture(`[9007199254740993, %d]`, `["row %d"]`)) })
}

func FuzzOIPv2(f *testing.F) { conformance.Fuzz(f, oipFixture(`9007199254740993, %d`, `"row %d"`)) }

// oipFixture has rows of two tensors in two formats.
func oipFixture(a, b string) conformance.Fixture {
	request := func(more string, ids ...int) conformance.Request {
		return infer(fmt.Sprintf(`{"id": "call %[1]d", "inputs": [{"name": "a", "shape": [%[2]d, 2], "datatype": "INT64", "data": [%[3]s]},
			{"data": [%[4]s], "name": "b", "shape": [%[2]d, 1], "datatype": "BYTES", "parameters": {"z": 1, "a": 2}}]%[5]s}`,
			ids[0], len(ids), list(ids, a, ","), list(ids, b, ","), more))
	}
	return stubbed(conformance.Fixture{
		Protocol:  gateway.OIPv2{},
		Pattern:   "/v2/models/{rest...}",
		Request:   func(ids ...int) conformance.Request { return request("", ids...) },
		Other:     func(id int) conformance.Request { return request(`, "priority": 9007199254740993`, id) },
		Malformed: []string{"", "{", `{"inputs":[1,]}`, `{"inputs":[],"inputs":[]}`, "{\"inputs\":[\"\xff\"]}", "[]"},
		Alone:     []string{"{}"},
		Odd: func(value string) conformance.Request {
			number, text := "31337", value
			if value[0] != '"' {
				number, text = value, `"31337"`
			}
			return infer(fmt.Sprintf(`{"id": "31337", "inputs": [{"name": "a", "shape": [2, 2], "datatype": "INT64", "data": [31337, 1, %s, 31337]},
				{"data": ["31337", %s], "name": "b", "shape": [2, 1], "datatype": "BYTES", "parameters": {"z": 1, "a": 2}}]}`, number, text))
		},
	}, stub.OIP{}, stub.OIP{}, moreRows)
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

func TestOIPv2JoinsTensorsOnDimensionZero(t *testing.T) {
	b := &batch{t: t, protocol: gateway.OIPv2{}}
	b.asksStub(stub.OIP{})
	if _, err := b.ask(each(infer,
		`{"inputs": [{"name":"a","shape":[1, 2],"datatype":"FP64","data":[1.50, 1E400]},{"data":[true],"name":"b","shape":[1],"datatype":"BOOL"}], "outputs":[{"name":"echo-a"}]}`,
		`{"inputs":[{"name":"a","shape":[2,2],"datatype":"FP64","data":[ 9007199254740993 ,2, 3,4 ]},{"data":[false , true],"name":"b","shape":[2],"datatype":"BOOL"}],"outputs":[{"name":"echo-a"}]}`)...); err != nil {
		t.Fatal(err)
	}
	b.wantSent(`{"inputs":[{"name":"a","shape":[3,2],"datatype":"FP64","data":[1.50, 1E400,9007199254740993 ,2,3,4]},{"data":[true,false,true],"name":"b","shape":[3],"datatype":"BOOL"}],"outputs":[{"name":"echo-a"}]}`)
}

func TestOIPv2RestoresIDsAndSplitsOutputs(t *testing.T) {
	b := &batch{t: t, protocol: gateway.OIPv2{}, answer: says(`{"model_name": "m","id" : "batch", "outputs":[{"shape":[3, 2], "data":[[1.0,2],[ 3,4 ],[5,6]],"name":"y","parameters":{"k":9007199254740993}},
		{"name":"z","data":["a","b","c"],"shape":[3]}],"parameters":{}}`)}
	b.wantReplies(each(infer, `{"inputs":[{"name":"a","shape":[2],"datatype":"INT8","data":[1,2]}],"id":"\u0061"}`, `{"inputs":[{"name":"a","shape":[1],"datatype":"INT8","data":[3]}],"id": ""}`),
		`200 {"model_name": "m","id" : "\u0061","outputs":[{"shape":[2, 2],"data":[[1.0,2],[ 3,4 ]],"name":"y","parameters":{"k":9007199254740993}},{"name":"z","data":["a","b"],"shape":[2]}],"parameters":{}}`,
		`200 {"model_name": "m","id" : "","outputs":[{"shape":[1, 2],"data":[[5,6]],"name":"y","parameters":{"k":9007199254740993}},{"name":"z","data":["c"],"shape":[1]}],"parameters":{}}`)
	b.wantSent(`{"inputs":[{"name":"a","shape":[3],"datatype":"INT8","data":[1,2,3]}],"id":"batch"}`)
}

// A caller without an id gets the one that the upstream makes up, if any.
func TestOIPv2LeavesTheUpstreamsID(t *testing.T) {
	b := &batch{t: t, protocol: gateway.OIPv2{}, answer: says(`{"id":"batch","outputs":[]}`)}
	b.wantReplies(each(infer, `{"inputs":[{"name":"a","shape":[1],"datatype":"INT8","data":[1]}]}`), `200 {"id":"batch","outputs":[]}`)
	b.wantReplies(each(infer, `{"id":"x","inputs":[{"name":"a","shape":[1],"datatype":"INT8","data":[1]}]}`), `200 {"id":"x","outputs":[]}`)
	b.answer = says(`{"id":"own","outputs":[]}`)
	b.wantReplies(each(infer, `{"id":"x","inputs":[{"name":"a","shape":[1],"datatype":"INT8","data":[1]}]}`), `200 {"id":"own","outputs":[]}`)
}

func TestOIPv2KeepsKindsApart(t *testing.T) {
	b := &batch{t: t, protocol: gateway.OIPv2{}}
	tensor := func(s string) string { return `{"inputs":[{` + s + `}]}` }
	b.wantApart(each(infer, tensor(`"name":"a","shape":[1,2],"datatype":"INT8","data":[1,2]`), tensor(`"name":"b","shape":[1,2],"datatype":"INT8","data":[1,2]`),
		tensor(`"name":"a","shape":[1,2],"datatype":"INT16","data":[1,2]`), tensor(`"name":"a","shape":[1,2,1],"datatype":"INT8","data":[1,2]`),
		tensor(`"name":"a","shape":[1,3],"datatype":"INT8","data":[1,2,3]`), tensor(`"name":"a","shape":[1,2],"datatype":"INT8","data":[[1,2]]`),
		tensor(`"name":"a","shape":[1,2],"datatype":"INT8","data":[1,2],"parameters":{"p":1}`),
		`{"parameters":{"p":1},"inputs":[{"name":"a","shape":[1,2],"datatype":"INT8","data":[1,2]}]}`,
		`{"outputs":[{"name":"y"}],"inputs":[{"name":"a","shape":[1,2],"datatype":"INT8","data":[1,2]}]}`,
		`{"id":"x","inputs":[{"name":"a","shape":[1,2],"datatype":"INT8","data":[1,2]}]}`,
		`{"inputs":[{"name":"a","shape":[1,2],"datatype":"INT8","data":[1,2]},{"name":"a","shape":[1,2],"datatype":"INT8","data":[1,2]}]}`)...)
}

func TestOIPv2LeavesOddTensorsToTheUpstream(t *testing.T) {
	b := &batch{t: t, protocol: gateway.OIPv2{}}
	const a = `{"name":"a","shape":[2],"datatype":"INT8","data":[1,2]}`
	tensor := func(s string) string { return `{"inputs":[{"name":"a","datatype":"INT8",` + s + `}]}` }
	one := tensor(`"shape":[1],"data":[1]`)
	b.wantNotMine(named(infer, `{"inputs":[`+strings.Repeat(one[11:len(one)-2]+",", 1024)+one[11:], tensor(`"shape":[1`+strings.Repeat(",1", 64)+`],"data":[1]`), tensor(`"shape":[1],"data":[[1],[2],[3]]`)))
	b.wantNotMine(named(infer, `{}`, `{"inputs":[]}`, `{"inputs":{}}`, `{"inputs":[1]}`, `{"id":5,"inputs":[`+a+`]}`, `{"id":null,"inputs":[`+a+`]}`,
		tensor(`"shape":[],"data":1`), tensor(`"shape":[],"data":[1]`), tensor(`"shape":[0],"data":[]`), tensor(`"shape":[1,0],"data":[]`), tensor(`"shape":[-1],"data":[1]`), tensor(`"shape":[1.0],"data":[1]`), tensor(`"shape":[1.5,1],"data":[1]`), tensor(`"shape":[1],"data":[]`), tensor(`"shape":[2],"data":[]`), tensor(`"shape":[2,536870912,536870912,32],"data":[]`), // none in 64 bits

		tensor(`"shape":["1"],"data":[1]`), tensor(`"shape":1,"data":[1]`), tensor(`"data":[1]`), tensor(`"shape":[1]`), tensor(`"shape":[2],"data":[1]`), tensor(`"shape":[1],"data":[1,2]`),
		tensor(`"shape":[2,2],"data":[1,2,3]`), tensor(`"shape":[2,2],"data":[[1,2],[3]]`), tensor(`"shape":[2,2],"data":[[1,2],3,4]`), tensor(`"shape":[2,2],"data":[[1,[2]],[3,4]]`),
		tensor(`"shape":[2,2],"data":[[1,{}],[3,4]]`), tensor(`"shape":[1],"data":[{}]`), tensor(`"shape":[1],"data":[[1]]`), tensor(`"shape":[2,2,1],"data":[[1,2],[3,4]]`),
		tensor(`"shape":[999999999,999999999,999999999],"data":[1]`), tensor(`"shape":[2,4,536870913],"data":[1,2,3,4,5,6,7,8]`), // 8 in 32 bits
		tensor(`"shape":[65536,65537],"data":[1`+strings.Repeat(",1", 65535)+`]`), tensor(`"shape":[1],"data":{}`), tensor(`"shape":[1],"data":[1],"Data":[2]`), tensor(`"shape":[1],"data":[1],"data":[2]`),
		tensor(`"shape":[1],"parameters":{"binary_data_size":4}`), tensor(`"shape":[1],"data":[1],"parameters":{"shared_memory_region":"r"}`),
		`{"inputs":[`+a+`],"Inputs":[]}`, `{"Inputs":[],"inputs":[`+a+`],"x":1}`, tensor(`"Data":[2],"shape":[1],"data":[1],"x":1`), `{"inputs":[`+a+`,{"name":"b","datatype":"INT8"}]}`, `{"inputs":[`+a+`,{"name":"b","shape":[3],"datatype":"INT8","data":[1,2,3]}]}`,
		`{"inputs":[`+a+`],"parameters":{"binary_data_output":true}}`, `{"inputs":[`+a+`],"outputs":[{"name":"y","parameters":{"binary_data":true}}]}`,
		`{"inputs":[`+a+`],"parameters":{"sequence_id":7}}`))
	binary := infer(`{"inputs":[` + a + `]}`)
	binary.Header = http.Header{"Inference-Header-Content-Length": {"10"}}
	b.wantNotMine(map[string]conformance.Request{"binary": binary, "GET": {Method: "GET", URL: "/v2/models/m/infer"}, "metadata": {Method: "POST", URL: "/v2/models/m"}})
}

// What is foreign is told by the names of parameters: a tensor may be called so.
func TestOIPv2TakesTensorsOfAnyName(t *testing.T) {
	for _, name := range []string{"sequence_length", `\"sequence_id\": `, `x\"shared_memory_region`, "binary_data"} {
		body := `{"inputs":[{"name":"` + name + `","shape":[1],"datatype":"INT8","data":[1]}],"outputs":[{"name" : "` + name + `"}]%s}`
		b := &batch{t: t, protocol: gateway.OIPv2{}, answer: says(`{"outputs":[]}`)}
		b.wantReplies(each(infer, fmt.Sprintf(body, "")), `200 {"outputs":[]}`)
		b.wantNotMine(named(infer, fmt.Sprintf(body, `,"parameters":{"sequence_id" : 7}`), fmt.Sprintf(body, `,"parameters":{"a":"sequence_","sequence_id":7}`)))
	}
}

func TestOIPv2RefusesAnswersThatDoNotFit(t *testing.T) {
	b := &batch{t: t, protocol: gateway.OIPv2{}}
	const call = `{"inputs":[{"name":"a","shape":[1],"datatype":"INT8","data":[1]}]}`
	b.wantMisfits(each(infer, call, call), map[string]string{
		"nothing":                 "",
		"no JSON":                 "<html>",
		"no outputs":              `{"model_name":"m"}`,
		"outputs of another form": `{"outputs":{}}`,
		"too few rows":            `{"outputs":[{"shape":[1],"data":[1]}]}`,
		"too many rows":           `{"outputs":[{"shape":[3],"data":[1,2,3]}]}`,
		"too few in one":          `{"outputs":[{"shape":[2],"data":[1,2]},{"shape":[1],"data":[1]}]}`,
		"too few data":            `{"outputs":[{"shape":[2,2],"data":[1,2,3]}]}`,
		"too many data":           `{"outputs":[{"shape":[2],"data":[1,2,3]}]}`,
		"no data in one":          `{"outputs":[{"shape":[2],"data":[1,2]},{"shape":[2,0]}]}`,
		"ragged data":             `{"outputs":[{"shape":[2,2],"data":[[1,2],[3]]}]}`,
		"a dimension of text":     `{"outputs":[{"shape":[2,"a"],"data":[]}]}`,
		"a scalar":                `{"outputs":[{"shape":[],"data":1}]}`,
		"no data":                 `{"outputs":[{"shape":[2]}]}`,
		"outputs twice":           `{"outputs":[{"shape":[2],"data":[1,2]}],"outputs":[]}`,
		"cut short":               `{"outputs":[{"shape":[2],"data":[1,2`,
	})
	b.answer = func(string) gateway.Answer {
		return gateway.Answer{Status: 200, Header: http.Header{"Inference-Header-Content-Length": {"5"}}, Body: []byte(`{"outputs":[]}`)}
	}
	if replies, err := b.ask(infer(call)); err == nil {
		t.Errorf("binary data: no error, but %q", replies)
	}
}

// The answers to the parts of a call that was too large for one batch are put
// together only if they could be one answer.
func TestOIPv2PutsTogetherOnlyWhatFits(t *testing.T) {
	p := gateway.OIPv2{}
	split := func(answer string) gateway.Result {
		results, err := p.Split(gateway.Key{}, make([]gateway.Item, 1), gateway.Answer{Status: 200, Body: []byte(answer)})
		if err != nil {
			t.Fatal(err)
		}
		return results[0]
	}
	call := &gateway.Call{State: []byte(nil)}
	one := split(`{"parameters":{"ms":1},"outputs":[{"name":"y","shape":[1,2],"data":[1,2]}]}`)
	fits := split(`{"parameters":{"ms":2},"outputs":[{"name":"y","shape":[1,2],"data":[3,4]}]}`)
	reply, err := p.Reply(call, []gateway.Result{one, fits})
	if want := `{"parameters":{"ms":1},"outputs":[{"name":"y","shape":[2,2],"data":[1,2,3,4]}]}`; err != nil || string(reply.Body) != want {
		t.Errorf("got %s, %v, want %s", reply.Body, err, want)
	}
	for _, other := range []string{`{"outputs":[{"name":"y","shape":[1,3],"data":[1,2,3]}]}`, `{"outputs":[{"name":"z","shape":[1,2],"data":[1,2]}]}`, `{"outputs":[]}`} {
		if reply, err := p.Reply(call, []gateway.Result{one, split(other)}); err == nil {
			t.Errorf("%s: no error, but %s", other, reply.Body)
		}
	}
}

func TestOIPv2SaysWhatIsWrongInItsOwnWay(t *testing.T) {
	b := &batch{t: t, protocol: gateway.OIPv2{}}
	_, err := b.read(infer("{"))
	var e *gateway.Error
	if !errors.As(err, &e) || e.Status != 400 || string(e.Body) != `{"error":"JSON ends too early"}` || e.Header.Get("Content-Type") != "application/json" {
		t.Errorf("got %#v", err)
	}
}

// A model that finds nothing in a row answers with a dimension of zero.
func TestOIPv2TakesRowsWithoutData(t *testing.T) {
	b := &batch{t: t, protocol: gateway.OIPv2{}, answer: says(`{"outputs":[{"name":"flat","datatype":"FP32","shape":[2,0,4],"data":[ ]},{"name":"n","datatype":"INT32","shape":[2],"data":[7,8]},
		{"name":"nested","datatype":"BYTES","shape":[2,0],"data":[[],[ ]]}]}`)}
	input := `{"inputs":[{"name":"x","datatype":"FP32","shape":[1,1],"data":[1]}]}`
	b.wantReplies(each(infer, input, input),
		`200 {"outputs":[{"name":"flat","datatype":"FP32","shape":[1,0,4],"data":[]},{"name":"n","datatype":"INT32","shape":[1],"data":[7]},{"name":"nested","datatype":"BYTES","shape":[1,0],"data":[[]]}]}`,
		`200 {"outputs":[{"name":"flat","datatype":"FP32","shape":[1,0,4],"data":[]},{"name":"n","datatype":"INT32","shape":[1],"data":[8]},{"name":"nested","datatype":"BYTES","shape":[1,0],"data":[[ ]]}]}`)
	b.wantReplies(each(infer, `{"inputs":[{"name":"x","datatype":"FP32","shape":[2,1],"data":[1,2]}]}`),
		`200 {"outputs":[{"name":"flat","datatype":"FP32","shape":[2,0,4],"data":[]},{"name":"n","datatype":"INT32","shape":[2],"data":[7,8]},{"name":"nested","datatype":"BYTES","shape":[2,0],"data":[[],[ ]]}]}`)
	for _, shape := range []string{"[1,3,0]", "[1,0,3]"} {
		b.answer = says(`{"outputs":[{"name":"y","datatype":"FP32","shape":` + shape + `,"data":[]}]}`)
		b.wantReplies(each(infer, input), `200 {"outputs":[{"name":"y","datatype":"FP32","shape":`+shape+`,"data":[]}]}`)
	}
	for _, data := range []string{`[1]`, `["a","b"]`, `[{},{}]`, `[[],[],[]]`, `[[1],[]]`, `[[[]],[]]`} {
		b.answer = says(`{"outputs":[{"name":"y","datatype":"FP32","shape":[2,0],"data":` + data + `}]}`)
		if _, err := b.ask(each(infer, input, input)...); err == nil {
			t.Errorf("data %s pass for no data", data)
		}
	}
	b.wantNotMine(map[string]conformance.Request{"no data": infer(`{"inputs":[{"name":"x","datatype":"FP32","shape":[1,0],"data":[]}]}`)})
}

// Triton's client says of each output that it wants it in JSON, too.
func TestOIPv2TakesCallsThatWantJSON(t *testing.T) {
	const call = `{"inputs":[{"name":"a","shape":[1],"datatype":"INT8","data":[1]}],"parameters":{"binary_data_output" : false},"outputs":[{"name":"y","parameters":{"binary_data":%s}}]}`
	b := &batch{t: t, protocol: gateway.OIPv2{}, answer: says(`{"outputs":[]}`)}
	b.wantReplies(each(infer, fmt.Sprintf(call, "false")), `200 {"outputs":[]}`)
	b.wantSent(`{"inputs":[{"name":"a","shape":[1],"datatype":"INT8","data":[1]}],"parameters":{"binary_data_output":false},"outputs":[{"name":"y","parameters":{"binary_data":false}}]}`)
	b.wantNotMine(named(infer, fmt.Sprintf(call, "true"), fmt.Sprintf(call, `"false"`), fmt.Sprintf(call, `false,"shared_memory_region":"r"`)))
}

// Texts are cut into rows where they end, and rows are counted in decimal.
func TestOIPv2JoinsRowsOfTexts(t *testing.T) {
	row := func(n, data string) string {
		return `{"inputs":[{"name":"a","shape":[` + n + `,2],"datatype":"BYTES","data":[` + data + `]}]}`
	}
	texts := `"a,b" , "]","[","\",","e","f","g","h","i","j","k","l","m","n","o","p","q","r","s","t"`
	b := &batch{t: t, protocol: gateway.OIPv2{}}
	b.asksStub(stub.OIP{})
	if _, err := b.ask(each(infer, row("10", texts), row("1", `"x","y"`))...); err != nil {
		t.Fatal(err)
	}
	b.wantSent(row("11", texts+`,"x","y"`))
}

// What is nested deep takes no longer to check than what is not.
func TestOIPv2ChecksNestedDataOnce(t *testing.T) {
	for name, c := range map[string]struct {
		shape, data string
		fits        bool
	}{
		"nested":             {"[2,2,3]", `[[[1, 2,3],[4,5,-6e1]] , [["]",true,null],[7,8,9]]]`, true},
		"too few":            {"[1,2,2]", `[[[1,2],[3]]]`, false},
		"too many":           {"[1,2,2]", `[[[1,2],[3,4,5]]]`, false},
		"too many arrays":    {"[1,1,2]", `[[[1,2],[3,4]]]`, false},
		"too deep":           {"[1,2]", `[[[1],[2]]]`, false},
		"not deep enough":    {"[1,1,2]", `[[1,2]]`, false},
		"an object":          {"[1,1]", `[[{}]]`, false},
		"brackets in a text": {"[1,2]", `[["[[",",\"]"]]`, true},
		"white space":        {"[1,2,2]", "[ [\n[\r1,\t2 ]\t,\n[3\r,4\n] ] ]", true},
		"texts, flat":        {"[2,2]", `["a,b" , "]","[",","]`, true},
		"commas in texts":    {"[2]", `["a,b","c"]`, true},
		"a comma in a text":  {"[2]", `["a,b"]`, false},
		"a text too many":    {"[2,2]", `["a","b","c","d","e"]`, false},
	} {
		_, err := gateway.OIPv2{}.Read(nil, []byte(`{"inputs":[{"name":"x","datatype":"BYTES","shape":`+c.shape+`,"data":`+c.data+`}]}`), 0)
		if (err == nil) != c.fits {
			t.Errorf("%s: %v, want that it fits: %t", name, err, c.fits)
		}
	}
}
