package gateway_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gobatcher/batcher/gateway"
	"github.com/gobatcher/batcher/gateway/internal/conformance"
)

// batch gets calls answered together, in one upstream request, without a gateway
// around the protocol.
type batch struct {
	t        *testing.T
	protocol gateway.Protocol
	answer   func(sent string) gateway.Answer // the upstream
	key      gateway.Key
	sent     string // what the upstream got
}

// says is an upstream that answers this, whatever it is asked.
func says(body string) func(string) gateway.Answer {
	return func(string) gateway.Answer { return gateway.Answer{Status: http.StatusOK, Body: []byte(body)} }
}

// asksStub is an upstream that is a stub, asked at the batch's URL.
func (b *batch) asksStub(stub http.Handler) {
	b.answer = func(sent string) gateway.Answer {
		call := conformance.Request{Method: b.key.Method, URL: b.key.Path + "?" + b.key.Query, Body: sent, Header: http.Header{"Content-Type": {b.key.ContentType}}}
		w := directly(stub, call)
		return gateway.Answer{Status: w.Code, Header: w.Header(), Body: w.Body.Bytes()}
	}
}

// read reads a call.
func (b *batch) read(request conformance.Request) (*gateway.Call, error) {
	r := httptest.NewRequest(request.Method, request.URL, nil)
	r.Header = request.Header.Clone()
	if !b.protocol.Match(r) {
		return nil, gateway.ErrNotMine
	}
	return b.protocol.Read(r, []byte(request.Body), 0)
}

// ask returns what becomes of calls, all of which must meet: for each its status,
// its body and a Location, if it has one; or one error.
func (b *batch) ask(requests ...conformance.Request) (replies []string, err error) {
	b.t.Helper()
	var calls []*gateway.Call
	var items []gateway.Item
	for i, request := range requests {
		call, err := b.read(request)
		if err != nil {
			b.t.Fatalf("Read of %s: %v", request.Body, err)
		}
		key := gateway.Key{Method: call.Method, Path: call.Path, Query: call.Query, ContentType: call.ContentType, Shape: call.Shape}
		if call.Method == "" {
			key.Method, key.Path = request.Method, request.URL
		}
		if i > 0 && key != b.key {
			b.t.Fatalf("the calls do not meet: keys %+q and %+q", b.key, key)
		}
		calls, items, b.key = append(calls, call), append(items, call.Items...), key
	}
	body, err := b.protocol.Join(b.key, items)
	if err != nil {
		return nil, err
	}
	b.sent = string(body)
	results, err := b.protocol.Split(b.key, items, b.answer(b.sent))
	if err != nil {
		return nil, err
	}
	for _, call := range calls {
		n := len(call.Items)
		reply, err := b.protocol.Reply(call, results[:n:n])
		if err != nil {
			return nil, err
		}
		text := fmt.Sprintf("%d %s", max(reply.Status, http.StatusOK), reply.Body)
		if location := reply.Header.Get("Location"); location != "" {
			text += " at " + location
		}
		replies, results = append(replies, text), results[n:]
	}
	return replies, nil
}

// wantSent checks what the upstream got.
func (b *batch) wantSent(want string) {
	b.t.Helper()
	if b.sent != want {
		b.t.Errorf("sent %s\nwant %s", b.sent, want)
	}
}

// wantReplies checks what became of the calls.
func (b *batch) wantReplies(requests []conformance.Request, want ...string) {
	b.t.Helper()
	got, err := b.ask(requests...)
	if err != nil {
		b.t.Fatal(err)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		b.t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// wantMisfits checks that none of these answers is taken for one to the calls.
func (b *batch) wantMisfits(requests []conformance.Request, answers map[string]string) {
	b.t.Helper()
	for name, answer := range answers {
		b.answer = says(answer)
		if replies, err := b.ask(requests...); err == nil {
			b.t.Errorf("%s: no error, but %q", name, replies)
		}
	}
}

// wantNotMine checks that none of these is a call.
func (b *batch) wantNotMine(requests map[string]conformance.Request) {
	b.t.Helper()
	for name, request := range requests {
		if call, err := b.read(request); !errors.Is(err, gateway.ErrNotMine) {
			b.t.Errorf("%s: got %+v, %v, want ErrNotMine", name, call, err)
		}
	}
}

// wantApart checks that no two of these calls can meet.
func (b *batch) wantApart(requests ...conformance.Request) {
	b.t.Helper()
	seen := map[string]string{}
	for _, request := range requests {
		call, err := b.read(request)
		if err != nil {
			b.t.Fatalf("%s: %v", request.Body, err)
		}
		key := fmt.Sprintf("%q %q %q %q", call.Shape, call.Query, call.ContentType, call.Headers)
		if other, met := seen[key]; met {
			b.t.Errorf("%s %s meets %s", request.URL, request.Body, other)
		}
		seen[key] = request.URL + " " + request.Body
	}
}

func each(call func(string) conformance.Request, bodies ...string) (requests []conformance.Request) {
	for _, body := range bodies {
		requests = append(requests, call(body))
	}
	return requests
}

func named(call func(string) conformance.Request, bodies ...string) map[string]conformance.Request {
	requests := map[string]conformance.Request{}
	for _, body := range bodies {
		requests[body] = call(body)
	}
	return requests
}
