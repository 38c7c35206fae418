package gateway_test

import (
	"strings"
	"testing"

	"github.com/gobatcher/batcher/gateway"
	"github.com/gobatcher/batcher/gateway/internal/conformance"
	"github.com/gobatcher/batcher/gateway/internal/stub"
)

func bulk(url string, lines ...string) conformance.Request {
	return es("POST", url, strings.Join(lines, "\n")+"\n")
}

func TestESBulkDoesNotTouchTheLinesOfBulks(t *testing.T) {
	b := &batch{t: t, protocol: gateway.ESBulk{}}
	b.asksStub(&stub.Elastic{})
	first := bulk("/_bulk", ` { "index" : { "_index":"t", "_id" : "1", "routing":"a" } }`, ` {"a" : 9007199254740993, "a":1} `+"\r", `{"delete":{"_index":"t","_id":"2"}}`)
	second := bulk("/_bulk", `{"create":{"_index":"u"}}`, `{"b":[ ]}`, "", `{"update":{"_index":"t","_id":1,"retry_on_conflict":2}}`, `{"doc":{}}`)
	if _, err := b.ask(first, second); err != nil {
		t.Fatal(err)
	}
	b.wantSent(first.Body + strings.Replace(second.Body, "\n\n", "\n", 1))
}

func TestESBulkPutsTheIndexOfThePathIn(t *testing.T) {
	b := &batch{t: t, protocol: gateway.ESBulk{}}
	b.asksStub(&stub.Elastic{})
	if _, err := b.ask(bulk("/my%22t/_bulk", `{"index":{}}`, `{}`, `{"index":{ "_id" : "1"}}`, `{ }`, `{"delete":{"_id":"2"}}`, `{"create":{"_index":"own"}}`, `{}`)); err != nil {
		t.Fatal(err)
	}
	b.wantSent(bulk("", `{"index":{"_index":"my\"t"}}`, `{}`, `{"index":{"_index":"my\"t", "_id" : "1"}}`, `{ }`, `{"delete":{"_index":"my\"t","_id":"2"}}`, `{"create":{"_index":"own"}}`, `{}`).Body)
}

// Bulks and single writes meet, and each finds its own items.
func TestESBulkAnswersBulksWithTheirItems(t *testing.T) {
	b := &batch{t: t, protocol: gateway.ESBulk{}, answer: says(`{"took":3, "errors":true ,"items":[ {"index":{"_id":"1","status":200, "x" : 9007199254740993}},
		{"delete":{"_id":"2","status":404}},{"create":{"_id":"3","status":409,"error":{"type":"c"}}},{"index":{"status":201,"_id":"4","_index":"t"}}],"ingest_took":1}`)}
	b.wantReplies([]conformance.Request{
		bulk("/_bulk", `{"index":{"_index":"t","_id":"1"}}`, `{}`, `{"delete":{"_index":"t","_id":"2"}}`),
		bulk("/t/_bulk", `{"create":{"_id":"3"}}`, `{}`),
		es("PUT", "/t/_doc/4", "{}"),
	}, `200 {"took":3,"errors":false,"items":[{"index":{"_id":"1","status":200, "x" : 9007199254740993}},{"delete":{"_id":"2","status":404}}],"ingest_took":1}`,
		`200 {"took":3,"errors":true,"items":[{"create":{"_id":"3","status":409,"error":{"type":"c"}}}],"ingest_took":1}`,
		`201 {"_id":"4","_index":"t"} at /t/_doc/4`)
}

func TestESBulkMakesErrorsOfItems(t *testing.T) {
	b := &batch{t: t, protocol: gateway.ESBulk{}}
	for failure, want := range map[string]string{
		`{"type":"x","reason":"y","caused_by":{"type":"z"}}`: `{"root_cause":[{"type":"x","reason":"y"}],"type":"x","reason":"y","caused_by":{"type":"z"}}`,
		`{ "type":"x" }`: `{"root_cause":[{"type":"x"}], "type":"x" }`,
		`{}`:             `{"root_cause":[{}]}`,
		`"old"`:          `"old"`,
	} {
		b.answer = says(`{"items":[{"index":{"_id":"1","status":400,"error":` + failure + `}}]}`)
		b.wantReplies([]conformance.Request{es("PUT", "/t/_doc/1", "{}")}, `400 {"error":`+want+`,"status":400}`)
	}
}

func TestESBulkRefusesAnswersThatDoNotFit(t *testing.T) {
	b := &batch{t: t, protocol: gateway.ESBulk{}}
	calls := []conformance.Request{es("PUT", "/t/_doc/1", "{}"), es("DELETE", "/t/_doc/2", "")}
	const one, two = `{"index":{"_id":"1","status":200}}`, `{"delete":{"_id":"2","status":200}}`
	b.wantMisfits(calls, map[string]string{
		"nothing":             "",
		"no JSON":             "<html>",
		"no items":            `{"errors":false}`,
		"too few":             `{"items":[` + one + `]}`,
		"too many":            `{"items":[` + one + `,` + two + `,` + two + `]}`,
		"another order":       `{"items":[` + two + `,` + one + `]}`,
		"another action":      `{"items":[` + one + `,{"index":{"_id":"2","status":200}}]}`,
		"another id":          `{"items":[{"index":{"_id":"3","status":200}},` + two + `]}`,
		"no id":               `{"items":[{"index":{"status":200}},` + two + `]}`,
		"no status":           `{"items":[{"index":{"_id":"1"}},` + two + `]}`,
		"a status out of all": `{"items":[{"index":{"_id":"1","status":99}},` + two + `]}`,
		"an interim status":   `{"items":[{"index":{"_id":"1","status":103}},` + two + `]}`,
		"two actions":         `{"items":[{"index":{"_id":"1","status":200},"create":{}},` + two + `]}`,
		"no action":           `{"items":[{},` + two + `]}`,
		"an item of numbers":  `{"items":[1,` + two + `]}`,
		"items twice":         `{"items":[` + one + `,` + two + `],"items":[]}`,
		"cut short":           `{"items":[` + one + `,` + two,
	})
}

func TestESBulkLeavesOddBulksToTheUpstream(t *testing.T) {
	b := &batch{t: t, protocol: gateway.ESBulk{}}
	odd := map[string]conformance.Request{}
	for _, action := range []string{`{}`, `{"index":{},"create":{}}`, `{"get":{}}`, `{"index":null}`, `{"index":[]}`, `{"index":{"_id":null}}`, `{"index":{"_id":""}}`, `{"index":{"_type":"x"}}`,
		`{"index":{"_id":{}}}`, `{"index":{"routing":[]}}`, `{"index":{"routing":"a","routing":"b"}}`, `{"index":{"dynamic_templates":{}}}`, `{"update":{}}`, `{"update":{"_id":"1","op_type":"create"}}`,
		`{"create":{"op_type":"index"}}`, `{"index":{"op_type":"delete"}}`, `{"index":{"_id":"1","version":3}}`, `{"create":{"_id":"1","if_seq_no":1,"if_primary_term":1}}`,
		`{"index":{"_id":"1","if_seq_no":1}}`, `{"index":{"_id":"` + strings.Repeat("x", 513) + `"}}`, `{"index":{"_index":""}}`} {
		odd[action] = bulk("/t/_bulk", action, `{"doc":{}}`)
	}
	odd["no index"] = bulk("/_bulk", `{"index":{}}`, `{}`)
	odd["a delete without an id"] = bulk("/t/_bulk", `{"delete":{}}`)
	odd["no source line"] = bulk("/t/_bulk", `{"index":{}}`)
	odd["an empty source line"] = bulk("/t/_bulk", `{"index":{}}`, "\r", `{"index":{}}`, `{}`)
	odd["an update that holds something else"] = bulk("/t/_bulk", `{"update":{"_id":"1"}}`, `{"dok":{}}`)
	odd["an update that is no object"] = bulk("/t/_bulk", `{"update":{"_id":"1"}}`, `[]`)
	odd["an unknown parameter"] = bulk("/t/_bulk?pretty", `{"index":{}}`, `{}`)
	odd["an update of nothing"] = bulk("/t/_bulk", `{"update":{"_id":"1"}}`, `{}`)
	odd["two writes of a document"] = bulk("/t/_bulk", `{"index":{"_id":"1"}}`, `{"n":1}`, `{"index":{"_id":"2"}}`, `{}`, `{"index":{"_index":"t","_id":"1"}}`, `{"n":2}`)
	odd["a write and a delete of a document"] = bulk("/_bulk", `{"index":{"_index":"t","_id":1}}`, `{}`, `{"delete":{"_index":"t","_id":"1"}}`)
	odd["GET"] = conformance.Request{Method: "GET", URL: "/_bulk"}
	odd["of a type"] = bulk("/t/x/_bulk", `{"index":{}}`, `{}`)
	b.wantNotMine(odd)
}

func TestESBulkRefusesBulksThatCannotBeRead(t *testing.T) {
	b := &batch{t: t, protocol: gateway.ESBulk{}}
	for name, body := range map[string]string{
		"no end":           `{"index":{}}` + "\n{}",
		"no JSON":          "x\n{}\n",
		"an action cut":    `{"index":{` + "\n{}\n",
		"no UTF-8":         `{"index":{}}` + "\n{\"a\":\"\xff\"}\n",
		"an action, twice": `{"index":{},"index":{}}` + "\n{}\n",
	} {
		if call, err := b.read(es("POST", "/t/_bulk", body)); err == nil || call != nil {
			t.Errorf("%s: got %+v, %v, want an error", name, call, err)
		}
	}
}

// The error for an answer that does not fit names a place, and quotes nothing.
func TestESBulkMisfitNamesNobody(t *testing.T) {
	b := &batch{t: t, protocol: gateway.ESBulk{}, answer: says(`{"items":[{"index":{"_id":"1","status":200}},{"index":{"_id":"secret","status":200}}]}`)}
	_, err := b.ask(es("PUT", "/t/_doc/1", "{}"), es("PUT", "/t/_doc/private", "{}"))
	if want := "item 2: it answers another write than the one in its place"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A parameter that a bulk has for all its writes keeps bulks apart.
func TestESBulkKeepsBulksWithDefaultsApart(t *testing.T) {
	b := &batch{t: t, protocol: gateway.ESBulk{}}
	line := []string{`{"index":{"_index":"t"}}`, `{}`}
	b.wantApart(bulk("/_bulk", line...), bulk("/_bulk?pipeline=p", line...), bulk("/_bulk?routing=r", line...), bulk("/_bulk?require_alias=true", line...))
}
