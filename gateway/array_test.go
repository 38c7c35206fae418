package gateway_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gobatcher/batcher/gateway"
	"github.com/gobatcher/batcher/gateway/internal/conformance"
)

// This file describes the protocols of JSON arrays to the conformance suite.
// An item is [9007199254740993, n], which a float64 does not hold.

const bigItem, bigResult = "[9007199254740993, %d]", `{ "z": 9007199254740993, "a": %d}`

// list writes numbers in a format each.
func list(ids []int, format, between string) string {
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = fmt.Sprintf(format, id)
	}
	return strings.Join(parts, between)
}

// idsOf reads items, and leaves one out or adds one.
func idsOf(items [][]json.Number, extra int) (ids []int, err error) {
	for _, item := range items {
		if len(item) != 2 || item[0] != "9007199254740993" {
			return nil, fmt.Errorf("item %v", item)
		}
		id, err := item[1].Int64()
		if err != nil {
			return nil, err
		}
		ids = append(ids, int(id))
	}
	if extra < 0 {
		return ids[1:], nil
	}
	return append(ids, make([]int, extra)...), nil
}

// want gives a Check that wants a body.
func want(body func(ids []int) string) func([]int, int, http.Header, []byte) error {
	return func(ids []int, status int, h http.Header, got []byte) error {
		want := body(ids)
		if status != http.StatusOK || string(got) != want || h.Get("Content-Type") != "application/json" {
			return fmt.Errorf("want %s", want)
		}
		return nil
	}
}

var isJSON = http.Header{"Content-Type": {"application/json"}}

func TestKServeV1Conforms(t *testing.T)  { conformance.Run(t, kserve()) }
func TestJSONArrayConforms(t *testing.T) { conformance.Run(t, jsonArray()) }
func TestExecConforms(t *testing.T)      { conformance.Run(t, execute()) }
func FuzzKServeV1(f *testing.F)          { conformance.Fuzz(f, kserve()) }
func FuzzJSONArray(f *testing.F)         { conformance.Fuzz(f, jsonArray()) }
func FuzzExec(f *testing.F)              { conformance.Fuzz(f, execute()) }

func kserve() conformance.Fixture {
	const url = "/v1/models/m:predict"
	return conformance.Fixture{
		Protocol: gateway.NewKServeV1(),
		Pattern:  "/v1/models/{rest...}",
		Request: func(ids ...int) conformance.Request {
			return conformance.Request{Method: "POST", URL: url, Body: `{"instances": [` + list(ids, bigItem, ", ") + `], "signature_name": "s"}`}
		},
		Other: func(id int) conformance.Request {
			return conformance.Request{Method: "POST", URL: url, Body: `{"instances":[` + list([]int{id}, bigItem, "") + `]}`}
		},
		Malformed: []string{"", "{", `{"instances":[1,]}`, `{"instances":[Nan]}`, `{"instances":[1],"instances":[2]}`,
			`{"instances":[1],"inst\u0061nces":[2]}`, "{\"instances\":[\"\xff\"]}", `{"instances":[1]} x`},
		Alone: []string{"{}", `{"instances":[]}`, `{"instances":7}`, `{"instances": "x"}`, `{"instances":{}}`, `{"inputs":[1]}`},
		Odd: func(value string) conformance.Request {
			return conformance.Request{Method: "POST", URL: url, Body: `{"instances":[[31337],[31337,` + value + `]],"signature_name":"s"}`}
		},
		Answer: func(_ *http.Request, body []byte, extra int) (conformance.Answer, error) {
			var in struct{ Instances [][]json.Number }
			if err := json.Unmarshal(body, &in); err != nil {
				return conformance.Answer{}, err
			}
			ids, err := idsOf(in.Instances, extra)
			return conformance.Answer{Header: isJSON, Body: []byte(`{"model_name": "m", "predictions": [` + list(ids, bigResult, ",") + `]}`)}, err
		},
		Check: want(func(ids []int) string { return `{"model_name":"m","predictions":[` + list(ids, bigResult, ",") + `]}` }),
	}
}

func jsonArray() conformance.Fixture {
	protocol, err := gateway.NewJSONArray("/jobs/0/in~1put", "")
	if err != nil {
		panic(err)
	}
	return conformance.Fixture{
		Protocol: protocol,
		Pattern:  "POST /jobs",
		Request: func(ids ...int) conformance.Request {
			return conformance.Request{Method: "POST", URL: "/jobs", Body: `{"jobs": [{"in\/put":[` + list(ids, bigItem, " ,\n") + `]}, "x y"]}`}
		},
		Other: func(id int) conformance.Request {
			return conformance.Request{Method: "POST", URL: "/jobs", Body: `{"jobs":[{"in/put":[` + list([]int{id}, bigItem, "") + `]},"xy"]}`}
		},
		Malformed: []string{"", `{"jobs":[{"in/put":7]}`, `{"jobs":[{"in/put":[1]}],"jobs":[]}`, `[`, strings.Repeat("[", 2000) + strings.Repeat("]", 2000)},
		Alone:     []string{"{}", "[]", "7", `{"jobs":[{"in/put":7}]}`, `{"jobs":[{"in/put":null}]}`, `{"jobs":[{"in/put":[]}]}`},
		Odd: func(value string) conformance.Request {
			return conformance.Request{Method: "POST", URL: "/jobs", Body: `{"jobs":[{"in\/put":[[31337,` + value + `],31337]},"x y"]}`}
		},
		Answer: func(_ *http.Request, body []byte, extra int) (conformance.Answer, error) {
			var in struct{ Jobs []json.RawMessage }
			var first struct {
				Input [][]json.Number `json:"in/put"`
			}
			if err := json.Unmarshal(body, &in); err != nil {
				return conformance.Answer{}, err
			}
			if err := json.Unmarshal(in.Jobs[0], &first); err != nil {
				return conformance.Answer{}, err
			}
			ids, err := idsOf(first.Input, extra)
			return conformance.Answer{Header: isJSON, Body: []byte(" [" + list(ids, bigResult, " , ") + "] \n")}, err
		},
		Check: want(func(ids []int) string { return "[" + list(ids, bigResult, ",") + "]" }),
	}
}

func execute() conformance.Fixture {
	return conformance.Fixture{
		Protocol: gateway.Exec{},
		Pattern:  "/",
		Request: func(ids ...int) conformance.Request {
			body := list(ids, bigItem, ",\r\n")
			if len(ids) > 1 || ids[0]%2 == 0 {
				return conformance.Request{Method: "POST", URL: "/", Body: " [" + body + "] "}
			}
			return conformance.Request{Method: "POST", URL: "/", Body: `{"bare": ` + body + "\n}"}
		},
		Malformed: []string{"", "{", "[]", "[1,]", "[01]", "[1] 2"},
		Odd: func(value string) conformance.Request {
			return conformance.Request{Method: "POST", URL: "/", Body: "[31337,[31337," + value + "]]"}
		},
		Answer: func(_ *http.Request, body []byte, extra int) (conformance.Answer, error) {
			if strings.Contains(string(body), "\n") {
				return conformance.Answer{}, fmt.Errorf("more than one line")
			}
			body = []byte(strings.NewReplacer(`{"bare":`, "", "}", "").Replace(string(body)))
			var in [][]json.Number
			if err := json.Unmarshal(body, &in); err != nil {
				return conformance.Answer{}, err
			}
			ids, err := idsOf(in, extra)
			return conformance.Answer{Header: isJSON, Body: []byte("[" + list(ids, bigResult, ",") + "]")}, err
		},
		Check: want(func(ids []int) string {
			if len(ids) == 1 && ids[0]%2 == 1 {
				return list(ids, bigResult, "")
			}
			return "[" + list(ids, bigResult, ",") + "]"
		}),
	}
}

// Java's Scanner, for one, ends lines at three more characters than others do.
func TestExecSendsOneLineInAnyLanguage(t *testing.T) {
	b := &batch{t: t, protocol: gateway.Exec{}, answer: says(`[1,2,3]`)}
	exec := func(body string) conformance.Request {
		return conformance.Request{Method: "POST", URL: "/", Body: body}
	}
	b.wantReplies(each(exec, "\"a\u2028\u2029\\\\\u0085b\"", "[{\"\u2028\":\r\n1},\r[\"\u2027\u0084\u00e2\"]]"), `200 1`, `200 [2,3]`)
	b.wantSent(`["a\u2028\u2029\\\u0085b",{"\u2028":1},["` + "\u2027\u0084\u00e2" + `"]]`)
}

// Servers write what JSON has no number for as Python does: that is one
// caller's result, and no fault of the whole answer.
func TestResultsThatAreNoNumbers(t *testing.T) {
	b := &batch{t: t, protocol: gateway.NewKServeV1(), answer: says(`{"predictions": [1.5, NaN, [-Infinity, Infinity]]}`)}
	predict := func(body string) conformance.Request {
		return conformance.Request{Method: "POST", URL: "/v1/models/m:predict", Body: body}
	}
	b.wantReplies(each(predict, `{"instances":[1]}`, `{"instances":[2,3]}`), `200 {"predictions":[1.5]}`, `200 {"predictions":[NaN,[-Infinity, Infinity]]}`)
	b = &batch{t: t, protocol: gateway.OIPv2{}, answer: says(`{"outputs":[{"name":"y","shape":[2,2],"datatype":"FP32","data":[NaN,1,-Infinity,2]},{"name":"z","shape":[2,1],"datatype":"FP64","data":[[Infinity],[NaN]]}]}`)}
	one := `{"inputs":[{"name":"a","shape":[1],"datatype":"INT8","data":[1]}]}`
	b.wantReplies(each(infer, one, one),
		`200 {"outputs":[{"name":"y","shape":[1,2],"datatype":"FP32","data":[NaN,1]},{"name":"z","shape":[1,1],"datatype":"FP64","data":[[Infinity]]}]}`,
		`200 {"outputs":[{"name":"y","shape":[1,2],"datatype":"FP32","data":[-Infinity,2]},{"name":"z","shape":[1,1],"datatype":"FP64","data":[[NaN]]}]}`)
	p := newProgram(t, "NaN", gateway.ProgramOptions{})
	h := newHandler(t, gateway.Route{Protocol: gateway.Exec{}, Upstream: p}, gateway.Options{})
	wantAnswer(t, post(h, "[2,13]"), 200, "[4,NaN]")
}

// KServe takes inputs for the instances, whatever else the body holds, so its
// answer has no prediction for each of the instances.
func TestKServeV1LeavesInputsToTheUpstream(t *testing.T) {
	b := &batch{t: t, protocol: gateway.NewKServeV1()}
	b.wantNotMine(named(func(body string) conformance.Request {
		return conformance.Request{Method: "POST", URL: "/v1/models/m:predict", Body: body}
	}, `{"inputs":[1,2]}`, `{"inputs" : [1,2],"instances":[3]}`, `{"instances":[3,4],"inputs":{"a":[1,2]}}`))
}

// KServe hands a body that is not JSON to the model as it is, which may be an
// image. Clients that name no format send what theirs by default is.
func TestOtherFormatsAreNoCalls(t *testing.T) {
	array, err := gateway.NewJSONArray("/instances", "/predictions")
	if err != nil {
		t.Fatal(err)
	}
	for p, path := range map[gateway.Protocol]string{
		gateway.NewKServeV1(): "/v1/models/m:predict", array: "/", gateway.JSONRPC{}: "/", gateway.OIPv2{}: "/v2/models/m/infer", gateway.OpenAIEmbeddings{}: "/v1/embeddings",
	} {
		for format, want := range map[string]bool{
			"": true, "application/json": true, "Application/JSON ; charset=utf-8": true, "text/json": true, "application/x-json": true, "application/ld+json": true, "json": true,
			"application/x-www-form-urlencoded": true, "text/plain;charset=UTF-8": true, "application/octet-stream": true, "application/json-rpc": true, "application/jsonrequest": true,
			"image/jpeg": false, "text/csv": false, "multipart/form-data; boundary=json": false, "application/x-npy": false, "application/json-seq": false,
			"application/x-ndjson": false, "application/ndjson": false, "application/ubjson": false,
		} {
			r := httptest.NewRequest(http.MethodPost, path, nil)
			r.Header.Set("Content-Type", format)
			if got := p.Match(r); got != want {
				t.Errorf("%T, %q: %t, want %t", p, format, got, want)
			}
		}
	}
}

func TestNewJSONArrayNamesWhatIsNoPointer(t *testing.T) {
	for _, c := range [][3]string{{"texts", "", "gateway: items: "}, {"", "/~2", "gateway: results: "}} {
		if p, err := gateway.NewJSONArray(c[0], c[1]); p != nil || err == nil || !strings.HasPrefix(err.Error(), c[2]) {
			t.Errorf("%q: got %v, %v", c, p, err)
		}
	}
}

func TestArraysAreCallsByMethodAndPath(t *testing.T) {
	array, err := gateway.NewJSONArray("", "")
	if err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string][2]bool{ // kserve-v1 and json-array
		"POST /v1/models/m:predict": {true, true}, "PUT /v1/models/m:predict": {false, true}, "PATCH /v1/models/m:predict": {false, true},
		"GET /v1/models/m:predict": {false, false}, "DELETE /v1/models/m:predict": {false, false}, "POST /v1/models/m:explain": {false, true}, "POST /v1/models/m:predict/": {false, true},
	} {
		method, path, _ := strings.Cut(target, " ")
		r := httptest.NewRequest(method, path, nil)
		if got := [2]bool{gateway.NewKServeV1().Match(r), array.Match(r)}; got != want {
			t.Errorf("%s: %t, want %t", target, got, want)
		}
	}
}

func TestJSONArrayKeepsFormatsApart(t *testing.T) {
	p, err := gateway.NewJSONArray("", "")
	if err != nil {
		t.Fatal(err)
	}
	for given, want := range map[string]string{
		"": "", "application/json": "", "application/json; charset=utf-8": "", "application/x-www-form-urlencoded": "", "/": "",
		"application/vnd.api+json": "application/vnd.api+json", "Application/Merge-Patch+JSON": "Application/Merge-Patch+JSON",
		`application/vnd.acme+json; version=2;profile="a;b"`: `application/vnd.acme+json; version=2;profile="a;b"`, "application/vnd.api+json; ext": "application/vnd.api+json; ext",
	} {
		r := httptest.NewRequest(http.MethodPatch, "/", nil)
		r.Header.Set("Content-Type", given)
		call, err := p.Read(r, []byte("[1]"), 0)
		if err != nil || call.ContentType != want {
			t.Errorf("%q: got %+v, %v, want %q", given, call, err, want)
		}
	}
	for _, patch := range []string{"application/json-patch+json", "Application/JSON-Patch+json ;charset=utf-8", "application/json-patch+json; x"} {
		r := httptest.NewRequest(http.MethodPatch, "/", nil)
		r.Header.Set("Content-Type", patch)
		if call, err := p.Read(r, []byte(`[{"op":"remove","path":"/a"}]`), 0); !errors.Is(err, gateway.ErrNotMine) {
			t.Errorf("%q: got %+v, %v for a JSON Patch", patch, call, err)
		}
	}
}

// What a page in a browser sends as something else than JSON, without asking, must
// not become JSON in a batch. Others need not say what they send.
func TestPagesMustSayThatTheySendJSON(t *testing.T) {
	ask := func(origin, format string) *httptest.ResponseRecorder {
		h := newHandler(t, gateway.Route{Protocol: gateway.JSONRPC{}, Upstream: &passing{}}, gateway.Options{})
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"m"}`))
		r.Header = http.Header{}
		for name, value := range map[string]string{"Origin": origin, "Content-Type": format} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		return serve(h, r)
	}
	for _, format := range []string{"", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded"} {
		wantAnswer(t, ask("https://page.example", format), 202, "passed POST / {")
		wantAnswer(t, ask("", format), 502, "") // in a batch, to which the upstream has no answer
	}
	for _, format := range []string{"application/json", "Application/JSON; charset=utf-8", "application/vnd.api+json"} {
		wantAnswer(t, ask("https://page.example", format), 502, "")
	}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("a"))
	r.Header.Set("Origin", "https://page.example")
	wantAnswer(t, serve(newHandler(t, gateway.Route{Upstream: &upper{}}, gateway.Options{}), r), 200, "A") // no JSON in a batch either
}
