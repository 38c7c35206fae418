package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gobatcher/batcher/gateway/internal/jsonraw"
)

// Exec is the protocol "exec", which needs no HTTP server behind the gateway if
// the upstream is a [Program]. A POST of a JSON array is a call of several items,
// answered with the array of their results; any other JSON value is one item,
// answered with its result alone. A single item that is an array itself must be
// put into an array of one.
type Exec struct{}

// Match wants a POST.
func (Exec) Match(r *http.Request) bool { return r.Method == http.MethodPost }

// Read makes items of the elements of the array, or one of the whole body.
func (Exec) Read(_ *http.Request, body []byte, most int) (*Call, error) {
	var text jsonraw.Scanner
	if err := text.Valid(body); err != nil {
		return nil, err
	}
	if jsonraw.Kind(body) != '[' {
		return &Call{Items: []Item{{Data: oneLine(body)}}, Alone: text.Odd, State: true}, nil
	}
	elements, err := jsonraw.Elements(body, most)
	if err != nil {
		return nil, bounded(err, most)
	}
	if len(elements) == 0 {
		return nil, errors.New("the array holds no items")
	}
	items := make([]Item, len(elements))
	for i, element := range elements {
		items[i].Data = oneLine(element)
	}
	return &Call{Items: items, Alone: text.Odd, State: false}, nil
}

// separators are what some readers of lines, such as Java's Scanner, take for the
// end of one, and what JSON has instead. It can have them only in strings.
var separators = strings.NewReplacer("\u0085", `\u0085`, "\u2028", `\u2028`, "\u2029", `\u2029`)

// oneLine returns a JSON text that is one line in any language. Line breaks it
// can have only between its tokens.
func oneLine(data []byte) []byte {
	data = trim(data)
	if bytes.IndexByte(data, '\n') >= 0 || bytes.IndexByte(data, '\r') >= 0 {
		data = jsonraw.AppendCompact(make([]byte, 0, len(data)), data)
	}
	if bytes.Contains(data, []byte("\u0085")) || bytes.Contains(data, []byte("\u2028")) || bytes.Contains(data, []byte("\u2029")) {
		data = []byte(separators.Replace(string(data)))
	}
	return data
}

// Join makes one array of the items, on one line.
func (Exec) Join(_ Key, items []Item) ([]byte, error) {
	return jsonraw.Fill(nil, dataOf(items)), nil
}

// Split takes apart the array of the results.
func (Exec) Split(_ Key, items []Item, answer Answer) ([]Result, error) {
	_, elements, _, err := jsonraw.Pointer(nil).Take(answer.Body, len(items))
	if err != nil {
		return nil, err
	}
	if len(elements) != len(items) {
		return nil, fmt.Errorf("%d results for %d items", len(elements), len(items))
	}
	results := make([]Result, len(elements))
	for i, element := range elements {
		results[i].Body = element
	}
	return results, nil
}

// Refuse withholds a body that holds the results of others.
func (p Exec) Refuse(key Key, items []Item, answer Answer, e *Error) []Result {
	withhold(p, key, items, answer, e)
	return nil
}

// Reply makes an array of the results, or returns the result of a body that was
// one item.
func (Exec) Reply(call *Call, results []Result) (Reply, error) {
	if alone, _ := call.State.(bool); alone {
		return Reply{Body: bytes.Clone(results[0].Body)}, nil // so as not to keep the others'
	}
	return Reply{Body: jsonraw.Fill(nil, bodiesOf(results))}, nil
}
