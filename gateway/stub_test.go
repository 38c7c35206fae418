package gateway_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"

	"github.com/gobatcher/batcher/gateway/internal/conformance"
)

// directly gives what a stub answers to a call without a gateway.
func directly(stub http.Handler, call conformance.Request) *httptest.ResponseRecorder {
	r := httptest.NewRequest(call.Method, call.URL, bytes.NewReader([]byte(call.Body)))
	for name, values := range call.Header {
		r.Header[name] = values
	}
	return served(stub, r)
}

func served(stub http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	stub.ServeHTTP(w, r)
	return w
}

// stubbed fills in a fixture's Answer and Check: the upstream is a stub, and
// a call must be answered as another stub answers it directly. list is the
// member of an answer that holds a result for each item; "" is the answer
// itself.
func stubbed(f conformance.Fixture, stub, other http.Handler, list string) conformance.Fixture {
	f.Answer = func(r *http.Request, body []byte, extra int) (conformance.Answer, error) {
		r.Body = http.NoBody
		ask := httptest.NewRequest(r.Method, r.URL.String(), bytes.NewReader(body))
		ask.Header = r.Header
		w := served(stub, ask)
		if w.Code >= 300 {
			return conformance.Answer{}, fmt.Errorf("status %d: %s", w.Code, w.Body)
		}
		return conformance.Answer{Status: w.Code, Header: w.Header(), Body: miscount(w.Body.Bytes(), list, extra)}, nil
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

// miscount gives an answer with so many results more.
func miscount(body []byte, list string, extra int) []byte {
	if extra == 0 {
		return body
	}
	var whole map[string]json.RawMessage
	results := body
	if list != "" {
		must(json.Unmarshal(body, &whole))
		results = whole[list]
	}
	var all []json.RawMessage
	must(json.Unmarshal(results, &all))
	if extra > 0 {
		all = append(all, slices.Repeat(all[:1], extra)...)
	} else {
		all = all[-extra:]
	}
	results, err := json.Marshal(all)
	must(err)
	if list == "" {
		return results
	}
	whole[list] = results
	body, err = json.Marshal(whole)
	must(err)
	return body
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
