package gateway_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher/gateway"
	"github.com/gobatcher/batcher/gateway/internal/conformance"
)

// A call with what not every parser takes is in a batch of its own, with all its
// items, also if another call is the same, and is answered and timed like any
// other.
func TestOddCallsGoAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upper{send: func(_ context.Context, _ gateway.Key, body []byte) (gateway.Answer, error) {
			time.Sleep(time.Second)
			return gateway.Answer{Status: http.StatusOK, Body: body}, nil
		}}
		h := newHandler(t, gateway.Route{Protocol: gateway.Exec{}, Upstream: u, Refuse: true, Delay: 2 * time.Second, MaxConcurrent: -1}, gateway.Options{})
		var all sync.WaitGroup
		for _, body := range []string{`[1e400,"x"]`, "1", "[1,1]", `[1e400,"x"]`} {
			all.Go(func() {
				got := post(h, body)
				wantAnswer(t, got, 200, body)
				want := "queue;dur=2000.000, upstream;dur=1000.000, batch;"
				if timing := got.Header().Get("Server-Timing"); !strings.HasPrefix(timing, want) || strings.Contains(timing, "size=2 ") != strings.Contains(body, "e") {
					t.Errorf("%s: Server-Timing %q", body, timing)
				}
			})
		}
		all.Wait()
		sent := slices.Sorted(slices.Values(u.seen()))
		if want := []string{"[1,1,1]", `[1e400,"x"]`, `[1e400,"x"]`}; !slices.Equal(sent, want) {
			t.Errorf("sent %q, want %q", sent, want)
		}
	})
}

// isAlone reports whether the call goes alone.
func isAlone(t *testing.T, p gateway.Protocol, call conformance.Request) bool {
	t.Helper()
	r := httptest.NewRequest(call.Method, call.URL, nil)
	r.Header = call.Header
	c, err := p.Read(r, []byte(call.Body), 0)
	if err != nil {
		t.Errorf("%s: %v", call.Body, err)
		return false
	}
	return c.Alone
}

// One odd part is enough, whatever comes after it, and if there is but one.
func TestOddPartsMakeCallsGoAlone(t *testing.T) {
	const odd, plain = `{"jsonrpc":"2.0","method":"m","params":[1e400],"id":1}`, `{"jsonrpc":"2.0","method":"m","id":2}`
	for _, c := range []struct {
		protocol gateway.Protocol
		body     string
		want     bool
	}{
		{gateway.JSONRPC{}, `[` + odd + `,` + plain + `]`, true}, {gateway.JSONRPC{}, `[` + plain + `,` + odd + `]`, true}, {gateway.JSONRPC{}, `[` + plain + `,` + plain + `]`, false},
		{gateway.OIPv2{}, `{"inputs":[{"shape":[1],"datatype":"INT8","data":[1.5]},{"shape":[1],"datatype":"FP32","data":[1.5]}]}`, true},
		{gateway.Exec{}, `[1e400,1]`, true}, {gateway.Exec{}, `{"a":1e400}`, true}, {gateway.Exec{}, `{"a":1}`, false},
	} {
		if got := isAlone(t, c.protocol, conformance.Request{Method: http.MethodPost, URL: "/", Body: c.body}); got != c.want {
			t.Errorf("%s: alone %t", c.body, got)
		}
	}
}

func TestOIPv2SendsMisfitsAlone(t *testing.T) {
	for datatype, values := range map[string][2][]string{ // what fits, and what does not
		"BOOL":    {{"true, false"}, {"true,1", "0", "null", `"true"`, "-1"}},
		"UINT8":   {{"0, 255", "0,\r\n\t255", "[1 ],\n[ 2]"}, {"256", "1,-1", "1.0", "1e1", "true", "false", "null", `"1"`, "12,300,12"}},
		"UINT16":  {{"65535"}, {"65536"}},
		"UINT32":  {{"4294967295"}, {"4294967296"}},
		"UINT64":  {{"18446744073709551615"}, {"18446744073709551616", "-1"}},
		"INT8":    {{"-128,127,-1, 12"}, {"128", "-129", "-1,128"}},
		"INT16":   {{"-32768,32767"}, {"32768"}},
		"INT32":   {{"-2147483648,2147483647"}, {"-2147483649"}},
		"INT64":   {{"-9223372036854775808,9223372036854775807"}, {"9223372036854775808", "1.5", "[1],[null]"}},
		"FP16":    {{"1,-1.5e3"}, {"true"}},
		"BF16":    {{"1"}, {`"1"`}},
		"FP32":    {{"1,-1.5E+3, 0.1"}, {"true", "false", "null", `"a"`, `1,"a"`}},
		"FP64":    {{"1e308"}, {"1e309", "[1],[null]"}},
		"BYTES":   {{`"a", "\"1" , "[null"`, `["a"],["b"]`}, {`"a",1`, `"a",null`, "true", `[""],[null]`}},
		"UNKNOWN": {{"1", `"a"`, "null"}, {"1e400"}},
	} {
		for alone, data := range values[:] {
			for _, list := range data {
				shape := strconv.Itoa(strings.Count(list, ",") + 1)
				if list[0] == '[' {
					shape += ",1"
				}
				call := infer(`{"inputs":[{"datatype":"` + datatype + `","name":"a","shape":[` + shape + `],"data":[` + list + `]}]}`)
				if got := isAlone(t, gateway.OIPv2{}, call); got != (alone == 1) {
					t.Errorf("%s %s: alone %t", datatype, list, got)
				}
			}
		}
	}
}

// Elasticsearch reads action lines and updates before it executes anything, and
// each document in a bulk by itself.
func TestESBulkSendsAloneWhatIsReadAtOnce(t *testing.T) {
	for _, c := range []struct {
		call conformance.Request
		want bool
	}{
		{es("PUT", "/t/_doc/1", `{"n":1e308}`), false},
		{es("PUT", "/t/_doc/1", `{"n":1e400}`), true},
		{es("POST", "/t/_update/1", `{"doc":{"n":1e400}}`), true},
		{bulk("/_bulk", `{"update":{"_index":"t","_id":"1"}}`, `{"doc":{"n":1e308}}`), false},
		{bulk("/_bulk", `{"index":{"_index":"t"}}`, `{}`, `{"update":{"_index":"t","_id":"1"}}`, `{"doc":{"n":1e400}}`, `{"delete":{"_index":"t","_id":"2"}}`), true},
		{bulk("/t/_bulk", `{"index":{"_id":"\ud83d"}}`, `{}`), true},
		{bulk("/t/_bulk", `{"index":{}}`, `{"n":1e400}`), false},
	} {
		if got := isAlone(t, gateway.ESBulk{}, c.call); got != c.want {
			t.Errorf("%s: alone %t", c.call.Body, got)
		}
	}
}
