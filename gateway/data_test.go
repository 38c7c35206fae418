package gateway_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"testing"

	"github.com/gobatcher/batcher/gateway"
)

// Headers and queries may hold what is no UTF-8, and keys that differ must not
// become one.
func TestKeysAndOutcomesPassJSONAsTheyAre(t *testing.T) {
	header := http.Header{"X-A": {"\x80", "caf\xe9", "caf\u00e9", "\ufffd"}, "Content-Type": nil}
	for _, want := range []any{
		&gateway.Key{Method: "POST", Path: "/a%20b", Query: "q=\xe9", ContentType: "a/b\xff", Fields: "X-Tenant:caf\xe9\n", Shape: "\x00{\"\u00e9\xe8<"},
		&gateway.Key{Method: "POST", Alone: "once"},
		&gateway.Outcome{Result: gateway.Result{Body: []byte("\xff")}, Batch: &gateway.Batch{ID: "1", Size: 2, Status: 201, Header: header}},
		&gateway.Outcome{},
		&gateway.Error{Status: 400, Header: header, Body: []byte("\xfe"), Text: "no", Undone: true, Batch: &gateway.Batch{Header: http.Header{"X-B": {"\xe8"}}}},
		&gateway.Error{},
	} {
		text, err := json.Marshal(want)
		got := reflect.New(reflect.TypeOf(want).Elem()).Interface()
		if err == nil {
			err = json.Unmarshal(text, got)
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v, want %+v; as JSON %s", got, err, want, text)
		}
	}
}
