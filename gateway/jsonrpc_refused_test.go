package gateway_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher/gateway"
)

// refusesWith is an upstream that answers this with a status, except to a batch
// without the culprit.
func refusesWith(status int, answer, culprit string) *upper {
	return &upper{send: func(_ context.Context, _ gateway.Key, body []byte) (gateway.Answer, error) {
		if culprit != "" && !bytes.Contains(body, []byte(culprit)) {
			return gateway.Answer{Status: http.StatusOK, Body: []byte(`{"jsonrpc":"2.0","id":1,"result":"fine"}`)}, nil
		}
		return gateway.Answer{Status: status, Body: []byte(answer)}, nil
	}}
}

// together makes calls that enter one batch one after the other.
func together(h http.Handler, bodies ...string) []*httptest.ResponseRecorder {
	answers := make([]*httptest.ResponseRecorder, len(bodies))
	var all sync.WaitGroup
	for i, body := range bodies {
		all.Go(func() { answers[i] = post(h, body) })
		synctest.Wait()
	}
	all.Wait()
	return answers
}

// With many servers the status of the whole says what has become of one call.
func TestJSONRPCWithAStatusKeepsAnswersApart(t *testing.T) {
	calls := []string{`{"jsonrpc":"2.0","id":"a","method":"m"}`, `[{"jsonrpc":"2.0","id":1.0,"method":"m"}]`, `{"jsonrpc":"2.0","method":"m"}`}
	type reply struct {
		status int
		body   string
	}
	explained := func(text string) []reply {
		failure := `,"error":{"code":-32000,"message":"the upstream answered ` + text + `","data":{"status":404}}}`
		return []reply{{404, `{"jsonrpc":"2.0","id":"a"` + failure}, {404, `[{"jsonrpc":"2.0","id":1.0` + failure + `]`}, {404, `{"jsonrpc":"2.0","id":null` + failure}}
	}
	for name, test := range map[string]struct {
		answer string
		want   []reply
	}{
		"one error":      {`[{"id":2,"result":"bb"},{"id":1,"error":{"code":-32601,"data":"aa"}}]`, []reply{{404, `{"id":"a","error":{"code":-32601,"data":"aa"}}`}, {200, `[{"id":1.0,"result":"bb"}]`}, {204, ``}}},
		"results":        {`[{"id":2,"result":"bb"},{"id":1,"result":"aa"}]`, []reply{{404, `{"id":"a","result":"aa"}`}, {404, `[{"id":1.0,"result":"bb"}]`}, {404, ``}}},
		"an unnamed one": {`[{"id":2,"result":"bb"},{"id":null,"error":{}}]`, []reply{{404, `{"id":"a","error":{}}`}, {200, `[{"id":1.0,"result":"bb"}]`}, {204, ``}}},
		"a notification": {`[{"id":2,"result":"bb"},{"id":null,"error":{}},{"id":1,"result":"aa"}]`, []reply{{200, `{"id":"a","result":"aa"}`}, {200, `[{"id":1.0,"result":"bb"}]`}, {204, ``}}},
		"one for all": {`{"jsonrpc":"2.0","id":null,"error":{"code":1}}`,
			[]reply{{404, `{"jsonrpc":"2.0","id":"a","error":{"code":1}}`}, {404, `[{"jsonrpc":"2.0","id":1.0,"error":{"code":1}}]`}, {404, ``}}},
		"one missing":   {`[{"id":2,"result":"bb"}]`, explained("404, and that does not fit the batch: 1 calls have no answer with their id")},
		"one foreign":   {`[{"id":"x","result":"bb"}]`, explained("404, and that does not fit the batch: answer 1: its id was not asked for")},
		"cut short":     {`[{"id":2,"result":"bb"`, explained("404, and that does not fit the batch: JSON ends too early")},
		"one of others": {`{"id":2,"result":"bb"}`, explained("404, and that does not fit the batch: 1 calls have no answer with their id")},
		"two in a row":  {`{"id":1,"result":"aa"}{"id":2,"result":"bb"}`, explained("404, and that does not fit the batch: JSON: unexpected '{' at byte 22, after the value")},
		"a page":        {`<html>`, []reply{{404, `<html>`}, {404, `<html>`}, {404, `<html>`}}},
		"another error": {`{"error":"no route"}`, []reply{{404, `{"error":"no route"}`}, {404, `{"error":"no route"}`}, {404, `{"error":"no route"}`}}},
		"nothing":       {``, []reply{{404, ``}, {404, ``}, {404, ``}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHandler(t, gateway.Route{Protocol: gateway.JSONRPC{}, Upstream: refusesWith(404, test.answer, ""), Delay: time.Second}, gateway.Options{})
				for i, got := range together(h, calls...) {
					if got.Code != test.want[i].status || got.Body.String() != test.want[i].body {
						t.Errorf("call %d: status %d, %s; want %d, %s", i, got.Code, got.Body, test.want[i].status, test.want[i].body)
					}
				}
			})
		})
	}
}

// A call that goes alone has the gateway's id there, and its own in its answer.
func TestJSONRPCAloneWithAStatusHasItsID(t *testing.T) {
	for answer, want := range map[string]string{
		`{"jsonrpc":"2.0","error":{"code":-32601},"id":1}`: `{"jsonrpc":"2.0","error":{"code":-32601},"id":"mine"}`,
		`{"jsonrpc":"2.0","result":7,"id":1}`:              `{"jsonrpc":"2.0","result":7,"id":"mine"}`,
		`[{"jsonrpc":"2.0","result":7,"id":1}]`:            `{"jsonrpc":"2.0","result":7,"id":"mine"}`,
		`{"id":1,"error":{}}`:                              `{"id":"mine","error":{}}`,
		`{"jsonrpc":"2.0","error":{},"id":null}`:           `{"jsonrpc":"2.0","error":{},"id":"mine"}`,
		`{"id":"trace-7","message":"no"}`:                  `{"id":"trace-7","message":"no"}`,
	} {
		h := newHandler(t, gateway.Route{Protocol: gateway.JSONRPC{}, Upstream: refusesWith(400, answer, "")}, gateway.Options{})
		if got := post(h, `{"jsonrpc":"2.0","id":"mine","method":"m"}`); got.Code != 400 || got.Body.String() != want {
			t.Errorf("%s: status %d, %s; want 400, %s", answer, got.Code, got.Body, want)
		}
	}
}

// An error for all may be one call's fault: it is found where the route
// isolates, and whenever the batch was too large.
func TestJSONRPCErrorForAllIsIsolated(t *testing.T) {
	for status, isolate := range map[int]bool{400: true, 500: true, 413: false} {
		synctest.Test(t, func(t *testing.T) {
			u := refusesWith(status, `{"jsonrpc":"2.0","id":null,"error":{"code":-1}}`, "bad")
			h := newHandler(t, gateway.Route{Protocol: gateway.JSONRPC{}, Upstream: u, Delay: time.Second, Isolate: isolate}, gateway.Options{})
			got := together(h, `{"jsonrpc":"2.0","id":"a","method":"m"}`, `{"jsonrpc":"2.0","id":"b","method":"bad"}`)
			wantAnswer(t, got[0], 200, `{"jsonrpc":"2.0","id":"a","result":"fine"}`)
			wantAnswer(t, got[1], status, `{"jsonrpc":"2.0","id":"b","error":{"code":-1}}`)
		})
	}
}

// Its code says whose fault it may be where its status does not, and whether
// anything has been done.
func TestJSONRPCErrorForAllIsIsolatedByItsCode(t *testing.T) {
	for _, c := range []struct {
		status  int
		failure string
		isolate bool
		array   bool // the error is in one
		first   bool // the error has the id of the first call
		spared  bool // the call that is not to blame
	}{
		{status: 200, failure: `{"code":-32700,"message":"parse error"}`, spared: true},
		{status: 200, failure: `{"code":-32600}`, spared: true},
		{status: 400, failure: `{"code":-32600}`, spared: true},
		{status: 400, failure: `{"code":-32603}`},
		{status: 200, failure: `{"code":-32603}`},
		{status: 200, failure: `{"code":-32603}`, isolate: true, spared: true},
		{status: 200, failure: `{"code":-32005,"message":"too many requests"}`, isolate: true},
		{status: 200, failure: `"-32700"`, isolate: true},
		{status: 200, failure: `{"code":-32600,"message":"Too many methods in the batch"}`, array: true, spared: true},
		{status: 400, failure: `{"code":-32600}`, array: true, spared: true},
		{status: 200, failure: `{"code":-32000,"message":"batch limit exceeded"}`, array: true},
		{status: 200, failure: `{"code":-32600,"message":"batch too large"}`, array: true, first: true, spared: true},
		{status: 400, failure: `{"code":-32600,"message":"no batches"}`, first: true, spared: true},
	} {
		synctest.Test(t, func(t *testing.T) {
			answer := `{"jsonrpc":"2.0","id":null,"error":` + c.failure + `}`
			if c.first {
				answer = strings.Replace(answer, "null", "1", 1)
			}
			if c.array {
				answer = "[" + answer + "]"
			}
			u := refusesWith(c.status, answer, "bad")
			h := newHandler(t, gateway.Route{Protocol: gateway.JSONRPC{}, Upstream: u, Delay: time.Second, Isolate: c.isolate}, gateway.Options{})
			got := together(h, `{"jsonrpc":"2.0","id":"a","method":"m"}`, `{"jsonrpc":"2.0","id":"b","method":"bad"}`)
			code, want := c.status, `{"jsonrpc":"2.0","id":"a","error":`+c.failure+`}`
			if c.spared {
				code, want = 200, `{"jsonrpc":"2.0","id":"a","result":"fine"}`
			}
			wantAnswer(t, got[0], code, want)
			wantAnswer(t, got[1], c.status, `{"jsonrpc":"2.0","id":"b","error":`+c.failure+`}`)
			alone := post(h, `[{"jsonrpc":"2.0","id":1,"method":"bad"},{"jsonrpc":"2.0","id":2,"method":"m"}]`)
			wantAnswer(t, alone, c.status, `[{"jsonrpc":"2.0","id":1,"error":`+c.failure+`},{"jsonrpc":"2.0","id":2,"error":`+c.failure+`}]`)
		})
	}
}

// Some servers that could not read a request make its id up: monerod, which takes
// no arrays, answers so to one.
func TestJSONRPCErrorForAllMayHaveAnIDOfNobody(t *testing.T) {
	const unread = "{\r\n  \"error\": {\r\n    \"code\": -32700,\r\n    \"message\": \"Parse error\"\r\n  },\r\n  \"id\": 0,\r\n  \"jsonrpc\": \"2.0\"\r\n}"
	own := func(id string) string { return strings.Replace(unread, `"id": 0`, `"id": `+id, 1) }
	synctest.Test(t, func(t *testing.T) {
		h := newHandler(t, gateway.Route{Protocol: gateway.JSONRPC{}, Upstream: refusesWith(200, unread, "["), Delay: time.Second}, gateway.Options{})
		got := together(h, `{"jsonrpc":"2.0","id":"a","method":"m"}`, `{"jsonrpc":"2.0","id":"b","method":"m"}`, `[{"jsonrpc":"2.0","id":1,"method":"m"},{"jsonrpc":"2.0","id":2,"method":"m"}]`)
		wantAnswer(t, got[0], 200, `{"jsonrpc":"2.0","id":"a","result":"fine"}`)
		wantAnswer(t, got[1], 200, `{"jsonrpc":"2.0","id":"b","result":"fine"}`)
		wantAnswer(t, got[2], 200, "["+own("1")+","+own("2")+"]")
		wantAnswer(t, post(h, `{"jsonrpc":"2.0","id":"c","method":"m","params":[[]]}`), 200, own(`"c"`))
	})
}
