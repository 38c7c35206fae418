package gateway

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gobatcher/batcher/gateway/internal/jsonraw"
)

// OpenAIEmbeddings is the protocol "openai-embeddings": POST …/embeddings
// with input, answered with data and usage, as OpenAI defines it
// (https://platform.openai.com/docs/api-reference/embeddings) and many other
// servers implement it.
//
// All four forms of input are calls: a text, several texts, an array of tokens,
// several arrays. An item is one text or one array of tokens; the two kinds do
// not share a batch. All else in the body divides batches. Empty inputs and
// inputs of more than 8,192 tokens, which make the upstream refuse a batch as a
// whole, are no calls. The headers Api-Key, OpenAI-Organization and
// OpenAI-Project divide batches too.
//
// An element of data belongs to the item with its index; the caller gets it with
// the index that the item has in the caller's input. If an element has none, as
// with servers that leave out a zero or all indices, it belongs to the item in its
// place, or to the first one if an element before it has an index. The whole
// numbers in usage, up to 64 of them, are divided by the items' weights, so that
// the shares add up exactly to what the upstream counted.
//
// The weight of an item is its tokens, or the bytes of its text as written in
// JSON, which are never fewer than its tokens, but at most 8,192: the most
// tokens that one input may have. Limits: 2,048 items, a weight of 300,000.
type OpenAIEmbeddings struct{}

// What OpenAI allows in a request, and in an item of it.
const (
	embeddingsItems     = 2048
	embeddingsTokens    = 300_000
	embeddingsPerItem   = 8192
	embeddingsTextHole  = "\x01" // in Shape: for texts
	embeddingsTokenHole = "\x02" // in Shape: for arrays of tokens
)

// embeddingsHeaders say, beside Authorization, in whose name and on whose
// account a call is made, at OpenAI and at Azure.
var embeddingsHeaders = []string{"Api-Key", "Openai-Organization", "Openai-Project"}

// Limits returns those of OpenAI.
func (OpenAIEmbeddings) Limits() (items, weight int) { return embeddingsItems, embeddingsTokens }

// Match wants a POST of what may be JSON to a path that ends in /embeddings.
func (OpenAIEmbeddings) Match(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/embeddings") && mayBeJSON(r.Header)
}

// Read takes the inputs out of the body; the rest is the shape.
func (OpenAIEmbeddings) Read(_ *http.Request, body []byte, most int) (*Call, error) {
	var input jsonraw.Span
	odd := false
	var text jsonraw.Scanner
	err := text.Members(body, func(name string, value jsonraw.Span) {
		if name == "input" {
			input = value
		}
		odd = odd || imitates(name, "input")
	})
	switch {
	case err != nil:
		return nil, err
	case !utf8.Valid(body):
		return nil, errors.New("JSON is not UTF-8")
	case odd, input == jsonraw.Span{}:
		return nil, ErrNotMine
	}
	inputs, mark, err := embeddingsInputs(input.Of(body), most)
	if err != nil {
		return nil, bounded(err, most)
	}
	items := make([]Item, len(inputs))
	for i, in := range inputs {
		if items[i], err = embeddingsItem(in, mark); err != nil {
			return nil, err
		}
	}
	shape := append(jsonraw.AppendCompact(nil, body[:input.Start]), mark...)
	shape = jsonraw.AppendCompact(shape, body[input.End:])
	return &Call{Items: items, Shape: string(shape), Headers: embeddingsHeaders, Alone: text.Odd}, nil
}

// embeddingsInputs returns the single inputs that input holds, no more than most
// unless that is zero, and the mark of their kind.
func embeddingsInputs(input []byte, most int) (inputs [][]byte, mark string, err error) {
	switch jsonraw.Kind(input) {
	case '"':
		return [][]byte{input}, embeddingsTextHole, nil
	case '[':
	default:
		return nil, "", ErrNotMine
	}
	switch jsonraw.Kind(input[1:]) { // of the first element
	case '"':
		mark = embeddingsTextHole
	case '[':
		mark = embeddingsTokenHole
	default:
		return [][]byte{input}, embeddingsTokenHole, nil
	}
	inputs, err = jsonraw.Elements(input, most)
	return inputs, mark, err
}

// embeddingsItem makes an item of an input, which must be of the kind that
// mark names.
func embeddingsItem(in []byte, mark string) (Item, error) {
	if mark == embeddingsTextHole {
		if jsonraw.Kind(in) != '"' || len(in) == len(`""`) {
			return Item{}, ErrNotMine
		}
		return Item{Data: in, Weight: min(len(in)-len(`""`), embeddingsPerItem)}, nil
	}
	if jsonraw.Kind(in) != '[' {
		return Item{}, ErrNotMine
	}
	tokens, fit := 0, true
	err := jsonraw.Each(in, func(token jsonraw.Span) {
		tokens++
		_, ok := decimal(token.Of(in))
		fit = fit && ok
	})
	if err == nil && (!fit || tokens == 0 || tokens > embeddingsPerItem) {
		err = ErrNotMine
	}
	return Item{Data: in, Weight: tokens}, err
}

// Join puts an array of the inputs into the shape.
func (OpenAIEmbeddings) Join(key Key, items []Item) ([]byte, error) {
	at := strings.IndexAny(key.Shape, embeddingsTextHole+embeddingsTokenHole)
	if at < 0 {
		return nil, errors.New("the shape has no place for the input")
	}
	body := make([]byte, 0, len(key.Shape)+sizeOf(items)+len(items)+1)
	body = jsonraw.AppendArray(append(body, key.Shape[:at]...), dataOf(items))
	return append(body, key.Shape[at+1:]...), nil
}

// Split gives each item the element of data with its index. Extra holds, each as
// a varint, where the index stands in the element, the length of the index, and
// the item's shares of the numbers in usage, with their names.
func (OpenAIEmbeddings) Split(_ Key, items []Item, answer Answer) ([]Result, error) {
	var data, usage jsonraw.Span
	results := make([]Result, len(items))
	given, numbered := 0, false
	var misfit error
	err := jsonraw.Records(answer.Body, "data", "index", func(element, index jsonraw.Span) {
		without := given // the index of an element that has none
		if numbered {
			without = 0
		}
		given, numbered = given+1, numbered || index != jsonraw.Span{}
		if misfit == nil {
			misfit = placeEmbedding(results, answer.Body, element, index, without)
		}
	}, func(name string, value jsonraw.Span) {
		switch name {
		case "data":
			data = value
		case "usage":
			usage = value
		}
	})
	switch {
	case err != nil:
		return nil, err
	case given != len(items):
		return nil, fmt.Errorf("%d embeddings for %d inputs", given, len(items))
	case misfit != nil:
		return nil, misfit
	}
	frame, counts := embeddingsFrame(answer.Body, data, usage)
	shareOut(results, items, counts)
	for i := range results {
		results[i].Frame = frame
	}
	return results, nil
}

// placeEmbedding assigns an element of data in body to the item with its index. One
// that has none gets the index without, and a place for it.
func placeEmbedding(results []Result, body []byte, element, index jsonraw.Span, without int) error {
	text, at, length := element.Of(body), index.Start-element.Start, index.End-index.Start
	i, ok := decimal(index.Of(body))
	if index == (jsonraw.Span{}) {
		i, ok = without, jsonraw.Kind(text[1:]) == '"' // there is another member
		text, at = append([]byte(`{"index":,`), text[1:]...), len(`{"index":`)
	}
	switch {
	case !ok || i >= len(results):
		return errors.New("an embedding with an index that was not asked for")
	case results[i].Body != nil:
		return fmt.Errorf("two embeddings with the index %d", i)
	}
	extra := binary.AppendUvarint(make([]byte, 0, 16), uint64(at))
	results[i].Body, results[i].Extra = text, binary.AppendUvarint(extra, uint64(length))
	return nil
}

// Refuse withholds a body that holds the results of others.
func (p OpenAIEmbeddings) Refuse(key Key, items []Item, answer Answer, e *Error) []Result {
	withhold(p, key, items, answer, e)
	return nil
}

// Reply renumbers the embeddings and adds up the shares of usage.
func (OpenAIEmbeddings) Reply(_ *Call, results []Result) (Reply, error) {
	parts, size := make([]embeddingsPart, len(results)), len(results[0].Frame)
	var usage []uint64
	for i, result := range results {
		extra, long := varints(result.Extra), uint64(len(result.Body))
		if len(extra) < 2 || len(extra)%2 != 0 || extra[0] > long || extra[1] > long-extra[0] {
			return Reply{}, errState
		}
		parts[i] = embeddingsPart{result.Body[:extra[0]], result.Body[extra[0]+extra[1]:]}
		size += len(result.Body) + 20
		if i == 0 {
			usage = extra[2:]
			continue
		}
		if !addShares(usage, extra[2:]) {
			return Reply{}, errors.New("the answers of several batches count their usage in different ways")
		}
	}
	if bytes.Count(results[0].Frame, []byte(embeddingsCountHole)) != len(usage)/2 {
		return Reply{}, errState
	}
	return Reply{Body: fillEmbeddings(make([]byte, 0, size), results[0].Frame, parts, usage)}, nil
}

// embeddingsPart is an element of data around its index.
type embeddingsPart struct{ before, after []byte }

// fillEmbeddings appends frame to dst, its holes filled.
func fillEmbeddings(dst, frame []byte, parts []embeddingsPart, usage []uint64) []byte {
	return fillHoles(dst, frame, embeddingsDataHole+embeddingsCountHole, func(dst []byte, mark byte) []byte {
		if mark == embeddingsCountHole[0] {
			dst, usage = strconv.AppendUint(dst, usage[1], 10), usage[2:]
			return dst
		}
		dst = append(dst, '[')
		for i, part := range parts {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = strconv.AppendInt(append(dst, part.before...), int64(i), 10)
			dst = append(dst, part.after...)
		}
		return append(dst, ']')
	})
}
