package gateway_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gobatcher/batcher/gateway"
	"github.com/gobatcher/batcher/gateway/internal/conformance"
	"github.com/gobatcher/batcher/gateway/internal/stub"
)

func rpc(body string) conformance.Request {
	return conformance.Request{Method: "POST", URL: "/", Body: body}
}

func TestJSONRPCConforms(t *testing.T) { conformance.Run(t, rpcFixture()) }
func FuzzJSONRPC(f *testing.F)         { conformance.Fuzz(f, rpcFixture()) }

func rpcFixture() conformance.Fixture {
	return stubbed(conformance.Fixture{
		Protocol: gateway.JSONRPC{},
		Pattern:  "/",
		Request: func(ids ...int) conformance.Request {
			const format = `{"jsonrpc": "2.0", "method": "echo", "params": [9007199254740993, {"z": %[1]d, "a": 1}], "id": "x%[1]d"}`
			if len(ids) == 1 {
				return rpc(list(ids, format, ""))
			}
			return rpc("[" + list(ids, format, ", ") + "]")
		},
		Malformed: []string{"", "{", "[", `{"jsonrpc":"2.0","method":"echo","id":1,}`, `{"jsonrpc":"2.0","method":"echo","id":1,"id":2}`,
			"{\"jsonrpc\":\"2.0\",\"method\":\"\xff\",\"id\":1}", `[{"jsonrpc":"2.0","method":"echo","id":1},{]`, "x"},
		Alone: []string{"[]", "7", `{"jsonrpc":"2.0","method":"echo","id":1,"params":"x"}`},
		Odd: func(value string) conformance.Request {
			return rpc(`[{"jsonrpc":"2.0","method":"echo","id":1,"params":[31337]},{"jsonrpc":"2.0","method":"echo","params":[31337,` + value + `],"id":2}]`)
		},
	}, &stub.JSONRPC{Reverse: true}, &stub.JSONRPC{}, moreOf)
}

func TestJSONRPCRestoresIDsByteByByte(t *testing.T) {
	for _, id := range []string{"1", "0", "-7", "9007199254740993", "1.50", "1E+2", `"a"`, `"\u0061\/"`, `""`, "null", `"é"`} {
		b := &batch{t: t, protocol: gateway.JSONRPC{}}
		b.asksStub(&stub.JSONRPC{Reverse: true})
		b.wantReplies(each(rpc, `{"jsonrpc":"2.0","method":"echo","params":{"id":5},"id": `+id+` }`, ` [ {"id":`+id+`,"jsonrpc":"2.0","method":"echo"} ] `),
			`200 {"jsonrpc":"2.0","id":`+id+`,"result":{"id":5}}`, `200 [{"jsonrpc":"2.0","id":`+id+`,"result":null}]`)
		b.wantSent(`[{"jsonrpc":"2.0","method":"echo","params":{"id":5},"id": 1 },{"id":2,"jsonrpc":"2.0","method":"echo"}]`)
	}
}

func TestJSONRPCTakesAnswersInAnyOrderAndForm(t *testing.T) {
	b := &batch{t: t, protocol: gateway.JSONRPC{}, answer: says("[ {\"id\" : 3, \"result\":{\"z\":9007199254740993,\"a\" : 1}},\n{\"error\":{\"code\":1},\"id\":1,\"x\":[]} ]")}
	b.wantReplies(each(rpc, `{"jsonrpc":"2.0","method":"m","id":"a"}`, `{"jsonrpc":"2.0","method":"m"}`, `{"jsonrpc":"2.0","method":"m","id":"c"}`),
		`200 {"error":{"code":1},"id":"a","x":[]}`, `204 `, `200 {"id" : "c", "result":{"z":9007199254740993,"a" : 1}}`)
}

func TestJSONRPCSendsAnOnlyCallAlone(t *testing.T) {
	b := &batch{t: t, protocol: gateway.JSONRPC{}, answer: says(`{"id":1,"result":5}`)}
	b.wantReplies(each(rpc, `[{"jsonrpc":"2.0","method":"m","id":"a"}]`), `200 [{"id":"a","result":5}]`)
	b.wantSent(`{"jsonrpc":"2.0","method":"m","id":1}`)
}

func TestJSONRPCGivesAnErrorObjectToAll(t *testing.T) {
	for answer, want := range map[string]string{
		`{"jsonrpc":"2.0","error":{"code":-32005},"id":null}`: `{"jsonrpc":"2.0","error":{"code":-32005},"id":%s}`,
		` {"error":{"code":-32005}} `:                         `{"id":%s,"error":{"code":-32005}}`,
	} {
		b := &batch{t: t, protocol: gateway.JSONRPC{}, answer: says(answer)}
		a, c, d := fmt.Sprintf(want, `"a"`), fmt.Sprintf(want, "7"), fmt.Sprintf(want, "8")
		b.wantReplies(each(rpc, `{"jsonrpc":"2.0","method":"m","id":"a"}`, `{"jsonrpc":"2.0","method":"m"}`, `[{"jsonrpc":"2.0","method":"m","id":7},{"jsonrpc":"2.0","method":"m","id":8}]`),
			"200 "+a, "204 ", "200 ["+c+","+d+"]")
	}
}

// Some servers put an error that is the answer to all into an array.
func TestJSONRPCGivesAnOnlyErrorInAnArrayToAll(t *testing.T) {
	b := &batch{t: t, protocol: gateway.JSONRPC{}, answer: says(`[{"jsonrpc":"2.0","error":{"code":-32000,"message":"batch limit 2 exceeded"},"id":null}]`)}
	const want = `{"jsonrpc":"2.0","error":{"code":-32000,"message":"batch limit 2 exceeded"},"id":%s}`
	b.wantReplies(each(rpc, `{"jsonrpc":"2.0","method":"m","id":"a"}`, `{"jsonrpc":"2.0","method":"m"}`, `[{"jsonrpc":"2.0","method":"m","id":7},{"jsonrpc":"2.0","method":"m","id":8}]`),
		"200 "+fmt.Sprintf(want, `"a"`), "204 ", "200 ["+fmt.Sprintf(want, "7")+","+fmt.Sprintf(want, "8")+"]")
	b.answer = says(`[{"jsonrpc":"2.0","error":{"code":-32600},"id":null}]`) // has batches sent again, but no notifications
	b.wantReplies(each(rpc, `{"jsonrpc":"2.0","method":"m"}`, `{"jsonrpc":"2.0","method":"m"}`), "204 ", "204 ")
}

// A server that finds a request not valid does not know its id.
func TestJSONRPCGivesAnErrorWithoutIDToTheCallWithoutAnswer(t *testing.T) {
	b := &batch{t: t, protocol: gateway.JSONRPC{}}
	for _, none := range []string{`{"jsonrpc":"2.0","error":{"code":-32600},"id":null}`, `{"id":null,"jsonrpc":"2.0","error":{"code":-32600}}`, `{"error":{"code":-32600}}`} {
		b.answer = says(`[{"jsonrpc":"2.0","result":1,"id":3},` + none + `]`)
		want := strings.Replace(none, "null", `"a"`, 1)
		if !strings.Contains(none, "id") {
			want = `{"id":"a",` + none[1:]
		}
		b.wantReplies(each(rpc, `{"jsonrpc":"2.0","method":"m","id":"a"}`, `{"jsonrpc":"2.0","method":"m"}`, `{"jsonrpc":"2.0","method":"m","id":7}`),
			"200 "+want, "204 ", `200 {"jsonrpc":"2.0","result":1,"id":7}`)
	}
}

// Of equal errors it does not matter whose they are. Hardhat answers so to named
// params where it wants an array, and to every notification.
func TestJSONRPCGivesEqualErrorsWithoutIDToTheCallsWithoutAnswer(t *testing.T) {
	const none = `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid request","data":{"message":"Invalid request"}}}`
	const chain, odd, note = `{"jsonrpc":"2.0","id":"a","method":"eth_chainId"}`, `{"jsonrpc":"2.0","id":%d,"method":"eth_chainId","params":{}}`, `{"jsonrpc":"2.0","method":"eth_chainId"}`
	odd7, odd8 := fmt.Sprintf(odd, 7), fmt.Sprintf(odd, 8)
	got7, got8 := "200 "+strings.Replace(none, "null", "7", 1), "200 "+strings.Replace(none, "null", "8", 1)
	b := &batch{t: t, protocol: gateway.JSONRPC{}, answer: says(`[{"jsonrpc":"2.0","id":1,"result":"0x7a69"},` + none + `,` + none + `,` + none + `]`)}
	b.wantReplies(each(rpc, chain, odd7, note, odd8), `200 {"jsonrpc":"2.0","id":"a","result":"0x7a69"}`, got7, "204 ", got8)
	b.answer = says(`[{"jsonrpc":"2.0","id":1,"result":"0x7a69"},` + none + `,` + none + `]`)
	b.wantReplies(each(rpc, chain, odd7, note), `200 {"jsonrpc":"2.0","id":"a","result":"0x7a69"}`, got7, "204 ")
	b.answer = says(`[` + none + `,` + none + `]`)
	b.wantReplies(each(rpc, odd7, odd8), got7, got8)
	b.wantMisfits(each(rpc, chain, odd7, odd8, odd7), map[string]string{"one error too few": `[{"jsonrpc":"2.0","id":1,"result":"0x7a69"},` + none + `,` + none + `]`})
}

// Some servers answer notifications. Nobody waits for that, and nobody's own
// answer is lost for it.
func TestJSONRPCDropsAnswersToNotifications(t *testing.T) {
	b := &batch{t: t, protocol: gateway.JSONRPC{}}
	calls := each(rpc, `{"jsonrpc":"2.0","method":"m","id":"a"}`, `{"jsonrpc":"2.0","method":"m"}`, `{"jsonrpc":"2.0","method":"m","id":null}`)
	for _, none := range []string{`{"jsonrpc":"2.0","result":1,"id":null}`, `{"result":1}`, `{"jsonrpc":"2.0","error":{"code":-32601},"id":null}`, `{"error":{"code":-32601}}`} {
		b.answer = says(`[{"id":1,"result":1},` + none + `,{"id":3,"result":3}]`)
		b.wantReplies(calls, `200 {"id":"a","result":1}`, "204 ", `200 {"id":null,"result":3}`)
		b.answer = says(none)
		b.wantReplies(calls[1:2], "204 ")
		b.wantMisfits([]conformance.Request{calls[0], calls[2]}, map[string]string{none: `[{"id":1,"result":1},` + none + `,{"id":2,"result":3}]`})
	}
}

func TestJSONRPCNotificationsAloneNeedNoAnswer(t *testing.T) {
	for _, answer := range []string{"", "\n"} {
		b := &batch{t: t, protocol: gateway.JSONRPC{}, answer: says(answer)}
		b.wantReplies(each(rpc, `{"jsonrpc":"2.0","method":"m"}`, `[{"jsonrpc":"2.0","method":"m"},{"jsonrpc":"2.0","method":"m"}]`), "204 ", "204 ")
	}
}

func TestJSONRPCRefusesAnswersThatDoNotFit(t *testing.T) {
	b := &batch{t: t, protocol: gateway.JSONRPC{}}
	b.wantMisfits(each(rpc, `{"jsonrpc":"2.0","method":"m","id":"a"}`, `{"jsonrpc":"2.0","method":"m"}`, `{"jsonrpc":"2.0","method":"m","id":2}`), map[string]string{
		"none":                        "",
		"no JSON":                     "<html>",
		"an array cut short":          `[{"id":1,"result":1},`,
		"one missing":                 `[{"id":1,"result":1}]`,
		"only an error of the first":  `[{"id":1,"error":{"code":-32000}}]`,
		"one twice":                   `[{"id":1,"result":1},{"id":1,"result":1}]`,
		"one to a notification":       `[{"id":1,"result":1},{"id":2,"result":1},{"id":3,"result":1}]`,
		"an id that is not asked":     `[{"id":1,"result":1},{"id":4,"result":1}]`,
		"an id of zero":               `[{"id":0,"result":1},{"id":3,"result":1}]`,
		"an id that is a string":      `[{"id":"1","result":1},{"id":3,"result":1}]`,
		"an id of another form":       `[{"id":1.0,"result":1},{"id":3,"result":1}]`,
		"an id of null":               `[{"id":null,"result":1},{"id":3,"result":1}]`,
		"errors of nobody's":          `[{"id":1,"result":1},{"id":3,"result":1},{"id":null,"error":1},{"id":null,"error":2}]`,
		"results of nobody's":         `[{"id":1,"result":1},{"id":3,"result":1},{"id":null,"result":1},{"result":2}]`,
		"two errors without an id":    `[{"id":null,"error":1},{"id":null,"error":2},{"id":3,"result":1}]`,
		"no id":                       `[{"result":1},{"id":3,"result":1}]`,
		"two ids":                     `[{"id":1,"id":3,"result":1},{"id":3,"result":1}]`,
		"numbers":                     `[1,3]`,
		"one result for all":          `{"id":null,"result":1}`,
		"an object with a null error": `{"id":null,"error":null}`,
	})
}

func TestJSONRPCLeavesInvalidRequestsToTheUpstream(t *testing.T) {
	b := &batch{t: t, protocol: gateway.JSONRPC{}}
	b.wantNotMine(named(rpc, `[]`, `{}`, `1`, `"x"`, `null`, `[1]`, `[{"jsonrpc":"2.0","method":"m","id":1},1]`, `{"jsonrpc":"1.0","method":"m","id":1}`, `{"method":"m","id":1}`,
		`{"jsonrpc":"2.0","id":1}`, `{"jsonrpc":"2.0","method":1,"id":1}`, `{"jsonrpc":"2.0","method":"","id":1}`, `{"jsonrpc":"2.0","method": "" ,"id":1,"result":1}`, `{"jsonrpc":"2.0","method":""}`, `{"jsonrpc":"2.0","method":"m","id":{}}`, `{"jsonrpc":"2.0","method":"m","id":[1]}`,
		`{"jsonrpc":"2.0","method":"m","id":true}`, `{"jsonrpc":"2.0","method":"m","id":1,"params":"x"}`, `{"jsonrpc":"2.0","method":"m","id":1,"params":null}`,
		`[{"jsonrpc":"2.0","method":"m","id":1},{"jsonrpc":"2.0","method":"m","params":7}]`, `{"jsonrpc":"2.0","method":"m","id":1,"ID":2}`, `{"jsonrpc":"2.0","Method":"n","method":"m","id":1}`))
	b.wantNotMine(map[string]conformance.Request{"GET": {Method: "GET", URL: "/"}})
}

func TestJSONRPCSaysParseErrorInItsOwnWay(t *testing.T) {
	b := &batch{t: t, protocol: gateway.JSONRPC{}}
	_, err := b.read(rpc("{"))
	var e *gateway.Error
	if !errors.As(err, &e) || e.Status != 400 || string(e.Body) != `{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}` {
		t.Errorf("got %#v", err)
	}
}
