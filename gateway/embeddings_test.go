package gateway_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gobatcher/batcher/gateway"
	"github.com/gobatcher/batcher/gateway/internal/conformance"
	"github.com/gobatcher/batcher/gateway/internal/stub"
)

func embeddingsCall(body string) conformance.Request {
	return conformance.Request{Method: "POST", URL: "/v1/embeddings", Body: body}
}

func TestOpenAIEmbeddingsConforms(t *testing.T) {
	t.Run("texts", func(t *testing.T) { conformance.Run(t, embeddingsFixture(`"text %08d"`)) })
	t.Run("tokens", func(t *testing.T) { conformance.Run(t, embeddingsFixture(`[1, 2, %d]`)) })
}

func FuzzOpenAIEmbeddings(f *testing.F) { conformance.Fuzz(f, embeddingsFixture(`"text %08d"`)) }

// embeddingsFixture has items in a format.
func embeddingsFixture(format string) conformance.Fixture {
	return stubbed(conformance.Fixture{
		Protocol: gateway.OpenAIEmbeddings{},
		Pattern:  "/v1/embeddings",
		Request: func(ids ...int) conformance.Request {
			input := list(ids, format, ", ")
			if len(ids) > 1 {
				input = "[" + input + "]"
			}
			return embeddingsCall(`{"input": ` + input + `, "model": "m"}`)
		},
		Other: func(id int) conformance.Request {
			return embeddingsCall(fmt.Sprintf(`{"input":`+format+`,"model":"m","user":"9007199254740993"}`, id))
		},
		Malformed: []string{"", "{", `{"input":[1,]}`, `{"input":"a","input":"b"}`, "{\"input\":\"\xff\"}", `{"input":["a" "b"]}`, `{"input":"a"}{`},
		Alone:     []string{"{}", `{"input":""}`, `{"input":[1` + strings.Repeat(",1", 8192) + `]}`},
		Odd: func(value string) conformance.Request { // an item is a text
			if value[0] != '"' {
				return embeddingsCall(`{"input":"31337","model":"m","user":` + value + `}`)
			}
			return embeddingsCall(`{"input":["31337",` + value[:len(value)-1] + `31337"],"model":"m"}`)
		},
	}, stub.Embeddings{Reverse: true}, stub.Embeddings{}, moreIn("data"))
}

func TestOpenAIEmbeddingsJoinsAllFormsOfAKind(t *testing.T) {
	b := &batch{t: t, protocol: gateway.OpenAIEmbeddings{}}
	b.asksStub(stub.Embeddings{Reverse: true})
	replies, err := b.ask(each(embeddingsCall, `{"input":"a","model":"m"}`, `{"input": ["b", "\u0063"],"model":"m"}`, `{"input":["d"],"model":"m"}`)...)
	if err != nil || len(replies) != 3 {
		t.Fatal(replies, err)
	}
	b.wantSent(`{"input":["a","b","\u0063","d"],"model":"m"}`)
	if _, err := b.ask(each(embeddingsCall, `{"model":"m","input":[1, 2]}`, `{"model":"m","input":[[3],[4 , 5]]}`)...); err != nil {
		t.Fatal(err)
	}
	b.wantSent(`{"model":"m","input":[[1, 2],[3],[4 , 5]]}`)
}

func TestOpenAIEmbeddingsAreFoundByIndexAndNumberedAnew(t *testing.T) {
	b := &batch{t: t, protocol: gateway.OpenAIEmbeddings{}, answer: says(`{"model": "m",
 "data":[ {"embedding" : [1e-7, 9007199254740993], "index": 2, "x":{}},{"index" :0,"embedding":"b64" } , {"index":1}], "object":"list" }`)}
	b.wantReplies(each(embeddingsCall, `{"input":["a","b"]}`, `{"input":"c"}`),
		"200 {\"model\": \"m\",\n \"data\":[{\"index\" :0,\"embedding\":\"b64\" },{\"index\":1}], \"object\":\"list\" }",
		"200 {\"model\": \"m\",\n \"data\":[{\"embedding\" : [1e-7, 9007199254740993], \"index\": 0, \"x\":{}}], \"object\":\"list\" }")
}

// Gemini's servers leave out an index of zero, as they leave out all zeros, and
// others leave out every index.
func TestOpenAIEmbeddingsWithoutAnIndexAreFoundByTheirPlace(t *testing.T) {
	for _, data := range []string{
		`{"embedding":[7]},{"embedding":[8],"index":1},{"embedding":[9],"index":2}`,
		`{"embedding":[9],"index":2},{"embedding":[7]},{"embedding":[8],"index":1}`,
		`{"embedding":[7]},{"embedding":[8]},{"embedding":[9]}`,
	} {
		b := &batch{t: t, protocol: gateway.OpenAIEmbeddings{}, answer: says(`{"data":[` + data + `],"usage":{"total_tokens":3}}`)}
		replies, err := b.ask(each(embeddingsCall, `{"input":"a"}`, `{"input":["b","c"]}`)...)
		if err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		for i, want := range []string{"[{[7] 0}]", "[{[8] 0} {[9] 1}]"} {
			var reply struct {
				Data []struct{ Embedding, Index any }
			}
			if err := json.Unmarshal([]byte(strings.TrimPrefix(replies[i], "200 ")), &reply); err != nil || fmt.Sprint(reply.Data) != want {
				t.Errorf("%s: reply %d is %s, %v; want %s", data, i, replies[i], err, want)
			}
		}
	}
}

func TestOpenAIEmbeddingsShareUsageOutExactly(t *testing.T) {
	for _, c := range []struct {
		usage string
		calls []string
		want  []string
	}{
		{`{"prompt_tokens":7,"total_tokens":7}`, []string{`[1,2]`, `[3,4,5,6]`, `[7]`}, []string{`{"prompt_tokens":2,"total_tokens":2}`, `{"prompt_tokens":4,"total_tokens":4}`, `{"prompt_tokens":1,"total_tokens":1}`}},
		{`{"prompt_tokens":10}`, []string{`"aaa"`, `"bbb"`, `"ccc"`}, []string{`{"prompt_tokens":3}`, `{"prompt_tokens":3}`, `{"prompt_tokens":4}`}},
		{`{"prompt_tokens":10}`, []string{`["a","b"]`, `"cc"`}, []string{`{"prompt_tokens":5}`, `{"prompt_tokens":5}`}},
		{`{"total":18446744073709551615, "cost": 0.5,"details":{"cached":1,"none":null}}`, []string{`"a"`, `"b"`},
			[]string{`{"total":9223372036854775807, "cost": 0.5,"details":{"cached":0,"none":null}}`, `{"total":9223372036854775808, "cost": 0.5,"details":{"cached":1,"none":null}}`}},
		{`{"huge":18446744073709551616,"negative":-1}`, []string{`"a"`, `"b"`}, []string{`{"huge":18446744073709551616,"negative":-1}`, `{"huge":18446744073709551616,"negative":-1}`}},
		{`7`, []string{`"a"`, `"bbbbbb"`}, []string{`1`, `6`}},
		{`null`, []string{`"a"`, `"b"`}, []string{`null`, `null`}},
	} {
		for _, form := range []string{`{"usage":%[1]s,"data":[%[2]s]}`, `{"data":[%[2]s],"usage":%[1]s}`} {
			b := &batch{t: t, protocol: gateway.OpenAIEmbeddings{}}
			var requests []conformance.Request
			var wants []string
			n := 0
			for i, input := range c.calls {
				requests = append(requests, embeddingsCall(`{"input":`+input+`}`))
				data := `{"index":0}`
				n++
				if input[0] == '[' && input[1] == '"' {
					data, n = `{"index":0},{"index":1}`, n+1
				}
				wants = append(wants, "200 "+fmt.Sprintf(form, c.want[i], data))
			}
			indices := make([]int, n)
			for i := range indices {
				indices[i] = i
			}
			b.answer = says(fmt.Sprintf(form, c.usage, list(indices, `{"index":%d}`, ",")))
			b.wantReplies(requests, wants...)
		}
	}
}

// Numbers in the usage of several batches are added by their names.
func TestOpenAIEmbeddingsAddUsageUp(t *testing.T) {
	p := gateway.OpenAIEmbeddings{}
	split := func(usage string) gateway.Result {
		results, err := p.Split(gateway.Key{}, make([]gateway.Item, 1), gateway.Answer{Status: 200, Body: []byte(`{"data":[{"index":0}],"usage":` + usage + `}`)})
		if err != nil {
			t.Fatal(err)
		}
		return results[0]
	}
	for other, want := range map[string]string{
		`{"in":5,"of":{"in":7,"x":9},"ofx":2}`:         `{"in":15,"of":{"in":10,"x":13},"ofx":3}`,
		`{"ofx":2,"of":{"x":9,"in":7},"$":0.5,"in":5}`: `{"in":15,"of":{"in":10,"x":13},"ofx":3}`,
		`{"in":5,"of":{"in":7},"ofx":2}`:               "",
		`{"in":5,"of":{"in":7,"y":9},"ofx":2}`:         "",
		`{"in":5,"of":{"in":7,"x":9},"ofx":2,"y":1}`:   "",
		`null`: "",
	} {
		reply, err := p.Reply(nil, []gateway.Result{split(`{"in":10,"of":{"in":3,"x":4},"ofx":1}`), split(other)})
		if want == "" && err == nil || want != "" && string(reply.Body) != `{"data":[{"index":0},{"index":1}],"usage":`+want+`}` {
			t.Errorf("%s: got %s, %v", other, reply.Body, err)
		}
	}
}

// Memory for an answer does not grow with the numbers in its usage times the items.
func TestOpenAIEmbeddingsShareOutSomeNumbers(t *testing.T) {
	counts := func(n, each int) string {
		var text strings.Builder
		for i := range n {
			fmt.Fprintf(&text, `"%d":%d,`, i, each)
		}
		return text.String()
	}
	const data = `{"data":[{"index":0},{"index":1}],"usage":{`
	b := &batch{t: t, protocol: gateway.OpenAIEmbeddings{}, answer: says(data + counts(64, 2) + `"more":2}}`)}
	want := `200 {"data":[{"index":0}],"usage":{` + counts(64, 1) + `"more":2}}`
	b.wantReplies(each(embeddingsCall, `{"input":"a"}`, `{"input":"b"}`), want, want)
}

func TestOpenAIEmbeddingsWeighTokens(t *testing.T) {
	b := &batch{t: t, protocol: gateway.OpenAIEmbeddings{}}
	for input, want := range map[string]int{`"a"`: 1, `"é"`: 2, `"\u00e9"`: 6, `[5,6,999999999]`: 3, `[[5,6,7]]`: 3, `"` + strings.Repeat("x", 9000) + `"`: 8192} {
		call, err := b.read(embeddingsCall(`{"input":` + input + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if got := call.Items[0].Weight; got != want {
			t.Errorf("%.20s weighs %d, want %d", input, got, want)
		}
	}
	if items, weight := (gateway.OpenAIEmbeddings{}).Limits(); items != stub.MaxInputs || weight != stub.MaxTokens {
		t.Errorf("limits %d and %d", items, weight)
	}
}

func TestOpenAIEmbeddingsKeepKindsApart(t *testing.T) {
	b := &batch{t: t, protocol: gateway.OpenAIEmbeddings{}}
	b.wantApart(each(embeddingsCall, `{"input":"a","model":"m"}`, `{"input":[1],"model":"m"}`, `{"input":"a","model":"n"}`, `{"input":"a","model":"m","dimensions":3}`,
		`{"input":"a","model":"m","encoding_format":"base64"}`, `{"input":"a","model":"m","user":"u"}`, `{"input":"a","model":"m","x":9007199254740993}`, `{"input":"a","model":"m","x":9007199254740992}`)...)
}

func TestOpenAIEmbeddingsLeaveOddInputsToTheUpstream(t *testing.T) {
	b := &batch{t: t, protocol: gateway.OpenAIEmbeddings{}}
	b.wantNotMine(named(embeddingsCall, `{}`, `{"input":""}`, `{"input":[]}`, `{"input":["a",""]}`, `{"input":["a",[1]]}`, `{"input":[[1],"a"]}`, `{"input":[[1],[]]}`, `{"input":[1,"a"]}`,
		`{"input":[1.5]}`, `{"input":[1`+strings.Repeat(",1", 8192)+`]}`, `{"input":[[1],[1`+strings.Repeat(",1", 8192)+`]]}`, `{"input":[-1]}`, `{"input":[1000000000]}`, `{"input":[[1],[[2]]]}`, `{"input":null}`, `{"input":{"a":1}}`, `{"input":5}`, `{"input":"a","Input":"b"}`))
	b.wantNotMine(map[string]conformance.Request{"GET": {Method: "GET", URL: "/v1/embeddings"}, "chat": {Method: "POST", URL: "/v1/chat/completions", Body: `{"input":"a"}`}})
}

func TestOpenAIEmbeddingsRefuseAnswersThatDoNotFit(t *testing.T) {
	b := &batch{t: t, protocol: gateway.OpenAIEmbeddings{}}
	b.wantMisfits(each(embeddingsCall, `{"input":"a"}`, `{"input":"b"}`), map[string]string{
		"nothing":               "",
		"no JSON":               "<html>",
		"an array":              `[{"index":0},{"index":1}]`,
		"no data":               `{"object":"list"}`,
		"data of another form":  `{"data":{}}`,
		"too few":               `{"data":[{"index":0}]}`,
		"too many":              `{"data":[{"index":0},{"index":1},{"index":2}]}`,
		"one twice":             `{"data":[{"index":0},{"index":0}]}`,
		"an index not asked":    `{"data":[{"index":0},{"index":2}]}`,
		"an index below zero":   `{"data":[{"index":0},{"index":-1}]}`,
		"an index as a string":  `{"data":[{"index":0},{"index":"1"}]}`,
		"no index":              `{"data":[{"index":0},{}]}`,
		"numbers":               `{"data":[0,1]}`,
		"two indices":           `{"data":[{"index":0},{"index":1,"index":1}]}`,
		"cut short":             `{"data":[{"index":0},{"index":1}`,
		"nothing in it":         `{"data":[{},{}]}`,
		"none, then zero":       `{"data":[{"a":1},{"a":1},{"index":0}]}`,
		"one of two, twice":     `{"data":[{"a":1},{"index":0}]}`,
		"two kinds of the data": `{"data":[{"index":0},{"index":1}],"data":[]}`,
	})
}

// Results that are not those of Split, as a damaged queue might return them, are an error.
func TestOpenAIEmbeddingsReplyToOddResults(t *testing.T) {
	most := binary.AppendUvarint(nil, math.MaxUint64)
	for name, extra := range map[string][]byte{
		"no extra":             nil,
		"one number":           {1},
		"beyond the body":      {1, 2},
		"offsets that wrap":    append([]byte{1}, most...),
		"both beyond the body": append(most, most...),
		"a count too few":      {1, 1},
		"a count too many":     {1, 1, 5, 5, 6, 6},
	} {
		results := []gateway.Result{{Body: []byte("{}"), Frame: []byte("{\x02}"), Extra: extra}}
		if reply, err := (gateway.OpenAIEmbeddings{}).Reply(&gateway.Call{}, results); err == nil {
			t.Errorf("%s: got %s", name, reply.Body)
		}
	}
}
