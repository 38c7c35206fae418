package gateway_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobatcher/batcher/gateway"
	"github.com/gobatcher/batcher/gateway/internal/conformance"
	"github.com/gobatcher/batcher/gateway/internal/stub"
)

func es(method, url, body string) conformance.Request {
	call := conformance.Request{Method: method, URL: url, Body: body}
	if body != "" {
		call.Header = http.Header{"Content-Type": {"application/json"}}
	}
	return call
}

func TestESBulkConforms(t *testing.T) { conformance.Run(t, esFixture()) }
func FuzzESBulk(f *testing.F)         { conformance.Fuzz(f, esFixture()) }

func esFixture() conformance.Fixture {
	return stubbed(conformance.Fixture{
		Protocol: gateway.ESBulk{},
		Pattern:  "/",
		Query:    "timeout",
		Request: func(ids ...int) conformance.Request {
			if len(ids) == 1 {
				return es("PUT", fmt.Sprintf("/t/_doc/%d?routing=r", ids[0]), fmt.Sprintf("{\n  \"n\": %d, \"big\": 9007199254740993\n}\n", ids[0]))
			}
			return es("POST", "/t/_bulk", list(ids, "{\"index\": {\"_id\": \"%[1]d\"}}\n{\"n\": %[1]d, \"big\": 9007199254740993}\n", ""))
		},
		Malformed: []string{"", "{", `{"n":1,}`, "{} {}", "{\"n\":\"\xff\"}", "{\"n\":1}\n{\"delete\":{\"_index\":\"t\",\"_id\":\"1\"}}\n", `{"n":"` + "\n" + `"}`, "7"},
		Odd: func(value string) conformance.Request {
			return es("PUT", "/t/_doc/31337?routing=r", `{"n":31337,"x":`+value+`}`)
		},
	}, &stub.Elastic{Forgets: true}, &stub.Elastic{Forgets: true}, moreIn("items"))
}

// refuses is an Elasticsearch that refuses, as a whole, every bulk with a certain
// document.
type refuses struct {
	stub http.Handler
	sent atomic.Int64
}

func (u *refuses) Send(_ context.Context, key gateway.Key, body []byte) (gateway.Answer, error) {
	u.sent.Add(1)
	if bytes.Contains(body, []byte("poison")) {
		return gateway.Answer{Status: 400, Body: []byte(`{"error":{"type":"poisoned"},"status":400}`)}, nil
	}
	w := directly(u.stub, conformance.Request{Method: key.Method, URL: key.Path, Body: string(body), Header: http.Header{"Content-Type": {key.ContentType}}})
	return gateway.Answer{Status: w.Code, Header: w.Header(), Body: w.Body.Bytes()}, nil
}

func (*refuses) Close() error { return nil }

// A bulk that is refused as a whole was not executed: the callers that are not to
// blame are served, whether or not the route isolates.
func TestESBulkThatIsRefusedIsSentInParts(t *testing.T) {
	up := &refuses{stub: &stub.Elastic{}}
	h := newHandler(t, gateway.Route{Pattern: "/", Protocol: gateway.ESBulk{}, Upstream: up, Refuse: true, MinItems: 8, Delay: time.Minute}, gateway.Options{})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			doc, want := `{"n":1}`, http.StatusCreated
			if i == 3 {
				doc, want = `{"n":"poison"}`, http.StatusBadRequest
			}
			if got := directly(h, es("PUT", fmt.Sprint("/t/_doc/", i), doc)); got.Code != want {
				t.Errorf("write %d: status %d, want %d: %s", i, got.Code, want, got.Body)
			}
		})
	}
	all.Wait()
	if up.sent.Load() < 2 {
		t.Error("there was no bulk of several")
	}
}

// A large one may have been executed in part: it is sent again only on a route
// that isolates.
func TestESBulkThatIsLargeAndRefused(t *testing.T) {
	for _, c := range []struct {
		each    int
		isolate bool
		want    int
	}{{1, false, 201}, {1<<18 - 1024, false, 201}, {1 << 18, false, 400}, {1 << 18, true, 201}} {
		up := &refuses{stub: &stub.Elastic{}}
		h := newHandler(t, gateway.Route{Pattern: "/", Protocol: gateway.ESBulk{}, Upstream: up, Refuse: true, MinItems: 4, Delay: time.Minute, Isolate: c.isolate}, gateway.Options{})
		codes := make([]int, 4)
		var all sync.WaitGroup
		for i := range codes {
			all.Go(func() {
				name := "n"
				if i == 3 {
					name = "poison"
				}
				codes[i] = directly(h, es("POST", "/t/_doc", fmt.Sprintf(`{"%s":"%s"}`, name, strings.Repeat("x", c.each)))).Code
			})
		}
		all.Wait()
		if want := []int{c.want, c.want, c.want, 400}; !slices.Equal(codes, want) {
			t.Errorf("%d bytes each, isolate %t: statuses %v, want %v", c.each, c.isolate, codes, want)
		}
	}
}
