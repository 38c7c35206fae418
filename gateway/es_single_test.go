package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gobatcher/batcher/gateway"
	"github.com/gobatcher/batcher/gateway/internal/conformance"
	"github.com/gobatcher/batcher/gateway/internal/stub"
)

// Every kind of single write becomes the lines that mean the same in a bulk.
func TestESBulkLinesOfSingleWrites(t *testing.T) {
	for _, c := range []struct{ method, url, body, want string }{
		{"PUT", "/t/_doc/1", `{"a":9007199254740993}`, `{"index":{"_index":"t","_id":"1"}}` + "\n" + `{"a":9007199254740993}` + "\n"},
		{"POST", "/t/_doc/1?op_type=create", `{}`, `{"create":{"_index":"t","_id":"1"}}` + "\n{}\n"},
		{"POST", "/t/_doc/1?op_type=index", `{}`, `{"index":{"_index":"t","_id":"1"}}` + "\n{}\n"},
		{"POST", "/t/_doc", `{}`, `{"create":{"_index":"t"}}` + "\n{}\n"},
		{"POST", "/t/_doc?op_type=create&pipeline=p", `{}`, `{"create":{"_index":"t","pipeline":"p"}}` + "\n{}\n"},
		{"PUT", "/t/_create/1?require_alias=false&require_data_stream=true", `{}`, `{"create":{"_index":"t","_id":"1","require_alias":"false","require_data_stream":"true"}}` + "\n{}\n"},
		{"POST", "/t/_create/1?op_type=create", `{}`, `{"create":{"_index":"t","_id":"1"}}` + "\n{}\n"},
		{"POST", "/t/_update/1?if_seq_no=0&if_primary_term=1&retry_on_conflict=0", `{"doc":{},"doc_as_upsert":false}`,
			`{"update":{"_index":"t","_id":"1","if_primary_term":"1","if_seq_no":"0","retry_on_conflict":"0"}}` + "\n" + `{"doc":{},"doc_as_upsert":false}` + "\n"},
		{"POST", "/t/_update/1?retry_on_conflict=3", `{"script":"x","upsert":{},"scripted_upsert":true}`,
			`{"update":{"_index":"t","_id":"1","retry_on_conflict":"3"}}` + "\n" + `{"script":"x","upsert":{},"scripted_upsert":true}` + "\n"},
		{"DELETE", "/t/_doc/1?routing=r%2Fs&version=1718000000000&version_type=external_gte", "", `{"delete":{"_index":"t","_id":"1","routing":"r/s","version":"1718000000000","version_type":"external_gte"}}` + "\n"},
		{"PUT", "/%3Clogs-%7Bnow%2Fd%7D%3E/_doc/a%2Fb%20%22c%22", `{}`, `{"index":{"_index":"\u003clogs-{now/d}\u003e","_id":"a/b \"c\""}}` + "\n{}\n"},
		{"PUT", "/t/_doc/1", "{\r\n \"a\" : [ 1,\n2],\t\"s\":\"x\\ny\"}\n\n", `{"index":{"_index":"t","_id":"1"}}` + "\n" + `{   "a" : [ 1, 2],` + "\t" + `"s":"x\ny"}` + "\n"},
	} {
		b := &batch{t: t, protocol: gateway.ESBulk{}}
		b.asksStub(&stub.Elastic{})
		if _, err := b.ask(es(c.method, c.url, c.body)); err != nil {
			t.Errorf("%s %s: %v", c.method, c.url, err)
		}
		b.wantSent(c.want)
		if b.key.Method != http.MethodPost || b.key.Path != "/_bulk" || b.key.Query != "" || b.key.ContentType != "application/x-ndjson" {
			t.Errorf("%s %s goes to %+v", c.method, c.url, b.key)
		}
	}
}

// A single write gets the same answer out of a bulk as alone.
func TestESBulkAnswersSingleWritesAsIfAlone(t *testing.T) {
	doc := `{"n":1}`
	calls := []conformance.Request{
		es("PUT", "/t/_doc/1", doc), es("PUT", "/t/_doc/1", `{"n":2}`), es("PUT", "/t/_create/1", doc), es("POST", "/t/_update/1", `{"doc":{"n":3}}`),
		es("DELETE", "/t/_doc/1", ""), es("DELETE", "/t/_doc/1", ""), es("POST", "/t/_update/1", `{"doc":{}}`), es("POST", "/t/_doc", doc), es("PUT", "/t/_create/a%2Fb?routing=r%20s", doc),
		es("PUT", "/busy/_doc/1", doc), es("DELETE", "/missing/_doc/1", ""), es("PUT", "/strict/_doc/1", `{"n":"x"}`), es("PUT", "/strict/_doc/1", doc),
		es("PUT", "/t/_doc/1?if_seq_no=77&if_primary_term=1", doc), es("PUT", "/t/_doc/2?require_alias=true", doc),
	}
	alone := &stub.Elastic{}
	var want []string
	for _, call := range calls {
		w := directly(alone, call)
		text := strings.Join([]string{http.StatusText(w.Code), w.Body.String(), w.Header().Get("Location")}, " ")
		want = append(want, text)
	}
	b := &batch{t: t, protocol: gateway.ESBulk{}}
	b.asksStub(&stub.Elastic{})
	got, err := b.ask(calls...)
	if err != nil {
		t.Fatal(err)
	}
	for i, reply := range got {
		reply, location, _ := strings.Cut(reply, " at ")
		code, body, _ := strings.Cut(reply, " ")
		status := map[string]string{"200": "OK", "201": "Created", "404": "Not Found", "409": "Conflict", "429": "Too Many Requests", "400": "Bad Request"}[code]
		if text := strings.Join([]string{status, body, location}, " "); text != want[i] {
			t.Errorf("%s %s:\ngot  %s\nwant %s", calls[i].Method, calls[i].URL, text, want[i])
		}
	}
}

func TestESBulkMovesWhatHoldsForAllIntoTheQuery(t *testing.T) {
	b := &batch{t: t, protocol: gateway.ESBulk{}, answer: says(`{"items":[{"update":{"_id":"1","status":200}}]}`)}
	if _, err := b.ask(es("POST", "/t/_update/1?timeout=5s&_source=a,b&refresh=wait_for&routing=r&wait_for_active_shards=2", `{"doc":{}}`)); err != nil {
		t.Fatal(err)
	}
	if want := "_source=a%2Cb&refresh=wait_for&timeout=5s&wait_for_active_shards=2"; b.key.Query != want {
		t.Errorf("query %s, want %s", b.key.Query, want)
	}
	b.wantApart(es("PUT", "/t/_doc/1", `{}`), es("PUT", "/t/_doc/1?refresh=true", `{}`), es("PUT", "/t/_doc/1?refresh", `{}`), es("PUT", "/t/_doc/1?timeout=1s", `{}`),
		compatible(es("PUT", "/t/_doc/1", `{}`), "8"), compatible(es("PUT", "/t/_doc/1", `{}`), "9"))
}

// compatible makes a call that wants compatibility with a version.
func compatible(call conformance.Request, version string) conformance.Request {
	media := "application/vnd.elasticsearch+json;compatible-with=" + version
	call.Header = http.Header{"Accept": {media}}
	if call.Body != "" {
		call.Header["Content-Type"] = []string{"application/vnd.elasticsearch+json; compatible-with=" + version}
	}
	return call
}

func TestESBulkKeepsTheVersionThatAClientWants(t *testing.T) {
	b := &batch{t: t, protocol: gateway.ESBulk{}, answer: says(`{"items":[{"index":{"_id":"1","status":200}},{"delete":{"_id":"1","status":200}}]}`)}
	if _, err := b.ask(compatible(es("PUT", "/t/_doc/1", `{}`), "9"), compatible(es("DELETE", "/t/_doc/1", ""), "9")); err != nil {
		t.Fatal(err)
	}
	if want := "application/vnd.elasticsearch+x-ndjson;compatible-with=9"; b.key.ContentType != want {
		t.Errorf("content type %s, want %s", b.key.ContentType, want)
	}
	call, err := b.read(compatible(es("PUT", "/t/_doc/1", `{}`), "9"))
	if err != nil || !slices.Contains(call.Headers, "Accept") {
		t.Errorf("Accept does not reach the upstream: %+v, %v", call, err)
	}
}

// Elasticsearch takes no notice of a list in Accept, nor of the version in
// Content-Type where there is no body. Its clients for JavaScript send deletes
// with such a list, and axios sends all calls so.
func TestESBulkTakesNoNoticeOfLists(t *testing.T) {
	version9 := "application/vnd.elasticsearch+json; compatible-with=9"
	with := func(call conformance.Request, header http.Header) conformance.Request {
		call.Header = header
		return call
	}
	b := &batch{t: t, protocol: gateway.ESBulk{}, answer: says(`{"items":[{"index":{"_id":"1","status":200}},{"index":{"_id":"2","status":200}},
		{"delete":{"_id":"3","status":200}},{"delete":{"_id":"4","status":200}}]}`)}
	b.wantReplies([]conformance.Request{
		es("PUT", "/t/_doc/1", `{}`),
		with(es("PUT", "/t/_doc/2", `{}`), http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json, text/plain, */*"}}),
		with(es("DELETE", "/t/_doc/3", ""), http.Header{"Accept": {"application/vnd.elasticsearch+json; compatible-with=8,text/plain"}}),
		with(es("DELETE", "/t/_doc/4", ""), http.Header{"Content-Type": {version9}, "Accept": {version9 + ",text/plain"}}),
	}, `200 {"_id":"1"}`, `200 {"_id":"2"}`, `200 {"_id":"3"}`, `200 {"_id":"4"}`)
	b.wantNotMine(map[string]conformance.Request{
		"a body of another version": with(es("PUT", "/t/_doc/1", `{}`), http.Header{"Content-Type": {version9}, "Accept": {version9 + ",text/plain"}}),
	})
}

func TestESBulkLeavesOddWritesToTheUpstream(t *testing.T) {
	b := &batch{t: t, protocol: gateway.ESBulk{}}
	odd := map[string]conformance.Request{}
	for _, url := range []string{"/t/_doc/1?pretty", "/t/_doc/1?filter_path=_id", "/t/_doc/1?human=true", "/t/_doc/1?routing=", "/t/_doc/1?pipeline=", "/t/_doc/1?routing=a&routing=b",
		"/t/_doc/1?version=1", "/t/_doc/1?version_type=external", "/t/_doc/1?version=1&version_type=force", "/t/_doc/1?version=-1&version_type=external", "/t/_doc/1?if_seq_no=1",
		"/t/_doc/1?if_primary_term=1", "/t/_doc/1?if_seq_no=1&if_primary_term=0", "/t/_doc/1?if_seq_no=x&if_primary_term=1", "/t/_doc/1?if_seq_no=1&if_primary_term=1&version=1&version_type=external",
		"/t/_doc/1?op_type=delete", "/t/_doc/1?op_type=create&version=1&version_type=external", "/t/_create/1?version=1&version_type=external", "/t/_create/1?if_seq_no=1&if_primary_term=1",
		"/t/_create/1?op_type=index", "/t/_doc/1?require_alias=yes", "/t/_doc/1?retry_on_conflict=1", "/t/_doc/1?_source=a", "/t/_doc/1?%zz", "/t/_doc/" + strings.Repeat("x", 513),
		"/_t/_doc/1", "//_doc/1", "/t/_doc/", "/t/_doc/1/2", "/t/_search", "/t/%ff/1", "/%ff/_doc/1", "/t/_source/1", "/t", "/"} {
		odd["PUT "+url] = conformance.Request{Method: "PUT", URL: url, Body: `{}`, Header: http.Header{"Content-Type": {"application/json"}}}
	}
	odd["auto id with a version"] = es("POST", "/t/_doc?version=1&version_type=external", `{}`)
	odd["auto id as index"] = es("POST", "/t/_doc?op_type=index", `{}`)
	odd["PUT without an id"] = es("PUT", "/t/_doc", `{}`)
	odd["PUT update"] = es("PUT", "/t/_update/1", `{"doc":{}}`)
	odd["an update with an unknown member"] = es("POST", "/t/_update/1", `{"dok":{}}`)
	for _, body := range []string{`{}`, `{"upsert":{}}`, `{"doc_as_upsert":true}`, `{"script":"x","doc":{}}`, `{"script":"x","doc_as_upsert":true}`, `{"doc":5}`, `{"doc":null}`,
		`{"script":1}`, `{"doc":{},"upsert":[]}`, `{"doc":{},"detect_noop":"maybe"}`} {
		odd["an update by "+body] = es("POST", "/t/_update/1", body)
	}
	numbered := "/t/_update/1?if_seq_no=0&if_primary_term=1"
	odd["a numbered update with tries"] = es("POST", numbered+"&retry_on_conflict=3", `{"doc":{}}`)
	odd["a numbered update with upsert"] = es("POST", numbered, `{"doc":{},"upsert":{}}`)
	odd["a numbered update as upsert"] = es("POST", numbered, `{"doc":{},"doc_as_upsert":true}`)
	odd["an update that says twice what to return"] = es("POST", "/t/_update/1?_source_excludes=a", `{"doc":{},"_source":["a"]}`)
	odd["an update with a version"] = es("POST", "/t/_update/1?version=1&version_type=external", `{"doc":{}}`)
	odd["a delete with a body"] = es("DELETE", "/t/_doc/1", `{}`)
	odd["a delete with a pipeline"] = es("DELETE", "/t/_doc/1?pipeline=p", "")
	odd["GET"] = es("GET", "/t/_doc/1", "")
	for name, header := range map[string]http.Header{
		"cbor":           {"Content-Type": {"application/cbor"}},
		"no type":        {},
		"wants yaml":     {"Content-Type": {"application/json"}, "Accept": {"application/yaml"}},
		"wants 9 of 8":   {"Content-Type": {"application/vnd.elasticsearch+json;compatible-with=8"}, "Accept": {"application/vnd.elasticsearch+json;compatible-with=9"}},
		"wants 9 of all": {"Content-Type": {"application/json"}, "Accept": {"application/vnd.elasticsearch+json;compatible-with=9"}},
	} {
		odd[name] = conformance.Request{Method: "PUT", URL: "/t/_doc/1", Body: `{}`, Header: header}
	}
	b.wantNotMine(odd)
}

// Clients of Elasticsearch take the text of an error from its root causes.
func TestESBulkExplainsAsElasticsearchDoes(t *testing.T) {
	gone := &upper{send: func(context.Context, gateway.Key, []byte) (gateway.Answer, error) {
		return gateway.Answer{}, errors.New(`no "line"`)
	}}
	h := newHandler(t, gateway.Route{Protocol: gateway.ESBulk{}, Upstream: gone, MaxBody: 30}, gateway.Options{})
	for body, want := range map[string]struct {
		status int
		reason string
	}{
		"{}": {502, `the upstream did not answer: no \"line\"`},
		"[]": {400, "JSON is not an object"},
		`{"n":"` + strings.Repeat("x", 30) + `"}`: {413, "the body is longer than 30 bytes"},
	} {
		r := httptest.NewRequest(http.MethodPut, "/t/_doc/1", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		failure := `"type":"gateway","reason":"` + want.reason + `"`
		wantAnswer(t, serve(h, r), want.status, fmt.Sprintf(`{"error":{"root_cause":[{%s}],%[1]s},"status":%d}`, failure, want.status))
	}
}
