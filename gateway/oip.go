package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gobatcher/batcher/gateway/internal/jsonraw"
)

// OIPv2 is the protocol "oip-v2": the Open Inference Protocol, REST, version 2
// (https://github.com/kserve/open-inference-protocol): POST …/infer with
// inputs, answered with outputs.
//
// An item is a row: what all input tensors hold at one index of their dimension
// 0, which must be equally long in all. Tensors are joined along it. All else
// divides batches: names, datatypes, the other dimensions, parameters, the
// outputs asked for, whether data are flat or nested, and the headers by which
// Seldon chooses a model. Every output must have one row for each row of the
// batch. Calls with an id and calls without one do not share a batch: a batch of
// the former is sent with an id of the gateway's, in place of which each caller
// finds its own in the answer.
//
// A call with data that are not of their tensor's datatype goes alone.
//
// Bodies in the binary tensor data extension, tensors in shared memory,
// sequences, scalars, and tensors whose data do not fit their shape are no
// calls.
type OIPv2 struct{}

// oipHeader tells of a body in the binary tensor data extension.
const oipHeader = "Inference-Header-Content-Length"

// oipHeaders choose a model beside the path, at Seldon.
var oipHeaders = []string{"Seldon-Internal-Model", "Seldon-Model"}

// oipForeign are prefixes of the names of parameters that say that there is more
// to a tensor than its JSON, or to a request than its rows.
var oipForeign = []string{`"binary_data`, `"shared_memory`, `"sequence_`}

// Match wants a POST of what may be JSON, and nothing but JSON, to a path that ends
// in /infer.
func (OIPv2) Match(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/infer") && r.Header.Get(oipHeader) == "" && mayBeJSON(r.Header)
}

// oipID is the id of a batch.
const oipID = `"batch"`

// Read makes an item of each row; the rest of the body is the shape. The State
// is the id as the caller wrote it, or empty.
func (OIPv2) Read(_ *http.Request, body []byte, most int) (*Call, error) {
	if !utf8.Valid(body) {
		return nil, oipError("JSON is not UTF-8")
	}
	var id []byte
	t := tensors{most: most}
	odd := false
	var text jsonraw.Scanner
	shape, err := text.Rewrite(nil, body, func(dst []byte, name string, value []byte) []byte {
		switch name {
		case "id":
			id = value
			return append(dst, tensorsID)
		case "inputs":
			return t.cut(dst, value)
		}
		odd = odd || imitates(name, "id", "inputs")
		return append(dst, value...)
	})
	if err != nil {
		return nil, oipError(err.Error())
	}
	if errors.Is(t.err, jsonraw.ErrMany) {
		return nil, tooMany(most)
	}
	if odd || t.err != nil || t.found == 0 || id != nil && jsonraw.Kind(id) != '"' {
		return nil, ErrNotMine
	}
	shape = jsonraw.AppendCompact(nil, shape)
	if slices.ContainsFunc(oipForeign, func(start string) bool { return asksFor(shape, start) }) {
		return nil, ErrNotMine
	}
	items := make([]Item, len(t.rows))
	for i, row := range t.rows {
		items[i].Data = row
	}
	return &Call{Items: items, Shape: string(shape), Headers: oipHeaders, Alone: text.Odd || t.misfits, State: id}, nil
}

// asksFor reports whether an object in text, which is compact JSON, has a member
// whose name begins so. A tensor may be called like that all the same, and false
// asks for nothing: Triton's client says so of each output that it wants in JSON.
func asksFor(text []byte, start string) bool {
	for {
		at := bytes.Index(text, []byte(start))
		if at < 0 {
			return false
		}
		text = text[at:]
		text = text[jsonraw.Scalar(text):]
		if value, named := bytes.CutPrefix(text, []byte{':'}); named && !bytes.HasPrefix(value, []byte("false")) {
			return true
		}
	}
}

// oipError returns an answer with status 400 in the protocol's form.
func oipError(text string) *Error {
	e := Errorf(http.StatusBadRequest, "%s", text)
	e.Header, e.Body = jsonHeader(), errorText(e)
	return e
}

// Explain returns the error as a text, as the protocol says.
func (OIPv2) Explain(_ *Call, e *Error) []byte { return errorText(e) }

// errorText returns an error in the form of the inference protocols.
func errorText(e *Error) []byte {
	body, err := json.Marshal(map[string]string{"error": e.Text})
	if err != nil {
		return nil // a string: it cannot be
	}
	return body
}

// Join puts all rows into the shape.
func (OIPv2) Join(key Key, items []Item) ([]byte, error) {
	return fillTensors(make([]byte, 0, len(key.Shape)+sizeOf(items)+len(items)+32), []byte(key.Shape), []byte(oipID), dataOf(items))
}

// Split makes a result of each row of the outputs; the rest of the answer is the
// frame.
func (OIPv2) Split(key Key, items []Item, answer Answer) ([]Result, error) {
	if answer.Header.Get(oipHeader) != "" {
		return nil, errors.New("it holds binary data, which was not asked for")
	}
	t := tensors{rows: make([][]byte, len(items)), answer: true}
	found := false
	frame, err := jsonraw.Rewrite(nil, answer.Body, func(dst []byte, name string, value []byte) []byte {
		switch name {
		case "id":
			if string(value) == oipID && strings.IndexByte(key.Shape, tensorsID) >= 0 {
				return append(dst, tensorsID)
			}
		case "outputs":
			found = true
			return append(t.cut(append(dst, tensorsEdge), value), tensorsEdge)
		}
		return append(dst, value...)
	})
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, errors.New("it holds no outputs")
	case t.err != nil:
		return nil, fmt.Errorf("outputs: %w", t.err)
	}
	results := make([]Result, len(items))
	for i, row := range t.rows {
		results[i] = Result{Body: row, Frame: frame}
	}
	return results, nil
}

// Refuse withholds a body that holds the results of others.
func (p OIPv2) Refuse(key Key, items []Item, answer Answer, e *Error) []Result {
	withhold(p, key, items, answer, e)
	return nil
}

// Reply puts the rows, and the caller's id, into the frame of the first.
func (OIPv2) Reply(call *Call, results []Result) (Reply, error) {
	id, ok := call.State.([]byte)
	if !ok {
		return Reply{}, errState
	}
	frame, rows, size := results[0].Frame, make([][]byte, len(results)), 0
	for i, result := range results {
		if !bytes.Equal(tensorsOf(result.Frame), tensorsOf(frame)) {
			return Reply{}, errors.New("the answers of several batches differ in more than their rows")
		}
		rows[i] = result.Body
		size += len(result.Body) + 1
	}
	body, err := fillTensors(make([]byte, 0, len(frame)+len(id)+size+32), frame, id, rows)
	return Reply{Body: body}, err
}
