package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gobatcher/batcher/gateway/internal/jsonraw"
)

// JSONArray is the protocol of an endpoint that takes an array somewhere in a
// JSON body and answers with an array somewhere in another, element for element,
// in the same order. Whatever else a body holds divides batches; whatever else
// the answer holds reaches every caller. Make one with NewJSONArray.
type JSONArray struct {
	items, results jsonraw.Pointer
}

// NewJSONArray makes the protocol of an endpoint whose items and results are
// where two JSON Pointers (RFC 6901) lead: "" is the whole body, "/input" the
// member input of an object. It fails if either is no JSON Pointer.
func NewJSONArray(items, results string) (*JSONArray, error) {
	in, err := jsonraw.ParsePointer(items)
	if err != nil {
		return nil, fmt.Errorf("gateway: items: %w", err)
	}
	out, err := jsonraw.ParsePointer(results)
	if err != nil {
		return nil, fmt.Errorf("gateway: results: %w", err)
	}
	return &JSONArray{in, out}, nil
}

// Match wants a POST, PUT or PATCH of what may be JSON.
func (p *JSONArray) Match(r *http.Request) bool {
	return (r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch) && mayBeJSON(r.Header)
}

// Read takes the items out of the body; the rest is the shape. A body in which
// the pointer leads nowhere, to an empty array or to something else is
// ErrNotMine. So is a JSON Patch (RFC 6902), whose array is one change. Other
// formats based on JSON (RFC 6839) divide batches, and reach the upstream, with
// their parameters, which may name a version.
func (p *JSONArray) Read(r *http.Request, body []byte, most int) (*Call, error) {
	format := contentType(r.Header)
	switch name := formatOf(r.Header); {
	case name == "application/json-patch+json":
		return nil, ErrNotMine
	case !strings.HasSuffix(name, "+json"):
		format = "" // application/json, or whatever a client sends by default
	}
	var text jsonraw.Scanner
	at, elements, ok, err := text.Take(p.items, body, most)
	switch {
	case errors.Is(err, jsonraw.ErrNoArray):
		return nil, ErrNotMine
	case err != nil:
		return nil, bounded(err, most)
	case !ok:
		return nil, ErrNotMine
	}
	call := newCall(len(elements))
	for i, element := range elements {
		call.Items[i].Data = element
	}
	call.ContentType, call.Shape, call.Alone = format, string(jsonraw.Cut(body, at)), text.Odd
	return call, nil
}

// newCall makes a Call of n items. One of a single item, as most are, takes one
// allocation.
func newCall(n int) *Call {
	if n != 1 {
		return &Call{Items: make([]Item, n)}
	}
	own := &struct {
		Call
		items [1]Item
	}{}
	own.Items = own.items[:]
	return &own.Call
}

// Join puts the items into the shape.
func (p *JSONArray) Join(key Key, items []Item) ([]byte, error) {
	return jsonraw.Fill([]byte(key.Shape), dataOf(items)), nil
}

// Split finds the results, which must be as many as the items.
func (p *JSONArray) Split(_ Key, items []Item, answer Answer) ([]Result, error) {
	at, elements, ok, err := p.results.Take(answer.Body, len(items))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, errors.New("it holds no results")
	}
	if len(elements) != len(items) {
		return nil, fmt.Errorf("%d results for %d items", len(elements), len(items))
	}
	frame := jsonraw.Cut(answer.Body, at)
	results := make([]Result, len(elements))
	for i, element := range elements {
		results[i] = Result{Body: element, Frame: frame}
	}
	return results, nil
}

// Refuse withholds a body that holds the results of others.
func (p *JSONArray) Refuse(key Key, items []Item, answer Answer, e *Error) []Result {
	withhold(p, key, items, answer, e)
	return nil
}

// Reply puts the results into what surrounded the first of them.
func (p *JSONArray) Reply(_ *Call, results []Result) (Reply, error) {
	return Reply{Body: jsonraw.Fill(results[0].Frame, bodiesOf(results))}, nil
}

func dataOf(items []Item) [][]byte {
	all := make([][]byte, len(items))
	for i, item := range items {
		all[i] = item.Data
	}
	return all
}

func bodiesOf(results []Result) [][]byte {
	all := make([][]byte, len(results))
	for i, result := range results {
		all[i] = result.Body
	}
	return all
}
