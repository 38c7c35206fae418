package gateway_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"

	"github.com/gobatcher/batcher/gateway/internal/conformance"
)

// directly returns what a stub answers to a call without a gateway.
func directly(stub http.Handler, call conformance.Request) *httptest.ResponseRecorder {
	r := httptest.NewRequest(call.Method, call.URL, bytes.NewReader([]byte(call.Body)))
	maps.Copy(r.Header, call.Header)
	return served(stub, r)
}

func served(stub http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	stub.ServeHTTP(w, r)
	return w
}

// stubbed fills in a fixture's Answer and Check: the upstream is a stub, and
// a call must be answered as another stub answers it directly. miscount
// changes the number of results in an answer.
func stubbed(f conformance.Fixture, stub, other http.Handler, miscount func(body []byte, extra int) []byte) conformance.Fixture {
	f.Answer = func(r *http.Request, body []byte, extra int) (conformance.Answer, error) {
		r.Body = http.NoBody
		ask := httptest.NewRequest(r.Method, r.URL.String(), bytes.NewReader(body))
		ask.Header = r.Header
		w := served(stub, ask)
		if w.Code >= 300 {
			return conformance.Answer{}, fmt.Errorf("status %d: %s", w.Code, w.Body)
		}
		a := conformance.Answer{Status: w.Code, Header: w.Header(), Body: w.Body.Bytes()}
		if extra != 0 {
			a.Header.Del("Content-Length")
			a.Body = miscount(a.Body, extra)
		}
		return a, nil
	}
	f.Check = func(ids []int, status int, header http.Header, body []byte) error {
		want := directly(other, f.Request(ids...))
		if status != want.Code || !bytes.Equal(body, want.Body.Bytes()) {
			return fmt.Errorf("want status %d, %s", want.Code, want.Body)
		}
		for _, name := range []string{"Content-Type", "Location", "X-Elastic-Product"} {
			if header.Get(name) != want.Header().Get(name) {
				return fmt.Errorf("%s: %q, want %q", name, header.Get(name), want.Header().Get(name))
			}
		}
		return nil
	}
	return f
}

// more changes the length of a list, which holds per elements for a result.
func more(list []json.RawMessage, per, extra int) []json.RawMessage {
	if extra < 0 {
		return list[-extra*per:]
	}
	return append(list, slices.Repeat(list[:per], extra)...)
}

// moreIn changes the length of the list that a member of an answer is.
func moreIn(member string) func(body []byte, extra int) []byte {
	return func(body []byte, extra int) []byte {
		var whole map[string]json.RawMessage
		must(json.Unmarshal(body, &whole))
		whole[member] = moreOf(whole[member], extra)
		return encoded(whole)
	}
}

// moreOf changes the length of an answer that is a list, or one result.
func moreOf(body []byte, extra int) []byte {
	list := []json.RawMessage{body}
	if body[0] == '[' {
		must(json.Unmarshal(body, &list))
	}
	return encoded(more(list, 1, extra))
}

func encoded(v any) []byte {
	body, err := json.Marshal(v)
	must(err)
	return body
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
