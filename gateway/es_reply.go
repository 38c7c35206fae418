package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/gobatcher/batcher/gateway/internal/jsonraw"
)

// The holes in the frame of an answer to a bulk.
const (
	esItemsHole  = "\x01"
	esErrorsHole = "\x02" // whether one of the items failed
)

// esFailed is the Extra of an item that failed.
var esFailed = []byte{1}

// Split finds the item of each write, whose action and id must be the write's.
func (ESBulk) Split(_ Key, items []Item, answer Answer) ([]Result, error) {
	var list []byte
	frame, err := jsonraw.Rewrite(nil, answer.Body, func(dst []byte, name string, value []byte) []byte {
		switch name {
		case "items":
			list = value
			return append(dst, esItemsHole...)
		case "errors":
			return append(dst, esErrorsHole...)
		}
		return append(dst, value...)
	})
	if err != nil {
		return nil, err
	}
	elements, err := jsonraw.Elements(list, len(items))
	if err != nil {
		return nil, fmt.Errorf("items: %w", err)
	}
	if len(elements) != len(items) {
		return nil, fmt.Errorf("%d items for %d writes", len(elements), len(items))
	}
	results := make([]Result, len(items))
	for i, element := range elements {
		done, err := esReadItem(element)
		if err == nil {
			err = done.answers(items[i].Data)
		}
		if err != nil {
			return nil, fmt.Errorf("item %d: %w", i+1, err)
		}
		results[i] = Result{Status: done.status, Body: element, Frame: frame}
		if done.failure != nil {
			results[i].Extra = esFailed
		}
	}
	return results, nil
}

// esItem is an item of an answer, read.
type esItem struct {
	action    string
	object    []byte
	index, id string
	status    int
	failure   []byte // the error; nil: none
}

// esReadItem takes an item apart.
func esReadItem(element []byte) (done esItem, err error) {
	actions := 0
	err = jsonraw.Members(element, func(name string, value jsonraw.Span) {
		done.action, done.object = name, value.Of(element)
		actions++
	})
	if err == nil && actions != 1 {
		err = fmt.Errorf("%d actions", actions)
	}
	if err != nil {
		return done, err
	}
	err = jsonraw.Members(done.object, func(name string, value jsonraw.Span) {
		text := value.Of(done.object)
		switch name {
		case "_index":
			done.index, _ = esText(text)
		case "_id":
			done.id, _ = esText(text)
		case "status":
			done.status, _ = decimal(text)
		case "error":
			done.failure = text
		}
	})
	if err == nil && (done.status < 200 || done.status > 599) {
		err = errors.New("no status")
	}
	return done, err
}

// answers returns an error if the item is not that of the write with these lines.
func (done esItem) answers(lines []byte) error {
	var op esLine
	if err := op.read(lines[:bytes.IndexByte(lines, '\n')+1], "-"); err != nil {
		return err
	}
	if op.action != done.action || op.id != "" && op.id != done.id {
		return errors.New("it answers another write than the one in its place")
	}
	return nil
}

// Reply answers a single write with its item in the form of a single call's
// answer, and a bulk with all of its items in the frame of the first.
func (ESBulk) Reply(call *Call, results []Result) (Reply, error) {
	caller, ok := call.State.(*esCaller)
	switch {
	case !ok:
		return Reply{}, errState
	case caller.bulk:
		return Reply{Body: fillBulk(results)}, nil
	}
	done, err := esReadItem(results[0].Body)
	if err != nil {
		return Reply{}, err
	}
	reply := Reply{Status: done.status}
	if done.failure != nil {
		reply.Body, err = esErrorBody(done.failure, done.status)
		return reply, err
	}
	reply.Body, err = jsonraw.Rewrite(nil, done.object, without("status"))
	if done.status == http.StatusCreated {
		location := "/" + url.QueryEscape(done.index) + "/_doc/" + url.QueryEscape(done.id)
		if caller.routing != "" {
			location += "?routing=" + url.QueryEscape(caller.routing)
		}
		reply.Header = http.Header{"Location": {location}}
	}
	return reply, err
}

// without returns an edit for jsonraw.Rewrite that leaves out a member.
func without(member string) func(dst []byte, name string, value []byte) []byte {
	return func(dst []byte, name string, value []byte) []byte {
		if name == member {
			return nil
		}
		return append(dst, value...)
	}
}

// esErrorBody returns the body of a single call that failed. Its root_cause is
// the failure without what caused it: the item of a bulk does not say more.
func esErrorBody(failure []byte, status int) ([]byte, error) {
	body := []byte(`{"error":`)
	if jsonraw.Kind(failure) == '{' {
		root, err := jsonraw.Rewrite([]byte(`{"root_cause":[`), failure, without("caused_by"))
		if err != nil {
			return nil, err
		}
		body = append(append(body, root...), ']')
		if rest := trim(failure[1:]); rest[0] != '}' {
			body = append(body, ',')
		}
		failure = failure[1:]
	}
	body = append(append(body, failure...), `,"status":`...)
	return append(strconv.AppendInt(body, int64(status), 10), '}'), nil
}

// Explain returns the error in the form of Elasticsearch's own, with its text as
// the root cause, from which clients take theirs.
func (ESBulk) Explain(_ *Call, e *Error) []byte {
	failure := appendString([]byte(`{"type":"gateway","reason":`), e.Text)
	body, err := esErrorBody(append(failure, '}'), e.Status)
	if err != nil {
		return nil // an object: it cannot be
	}
	return body
}

// fillBulk returns the answer to a bulk.
func fillBulk(results []Result) []byte {
	failed, size := false, len(results[0].Frame)
	for _, result := range results {
		failed = failed || len(result.Extra) > 0
		size += len(result.Body) + 1
	}
	return fillHoles(make([]byte, 0, size+8), results[0].Frame, esItemsHole+esErrorsHole, func(dst []byte, mark byte) []byte {
		if mark == esErrorsHole[0] {
			return strconv.AppendBool(dst, failed)
		}
		return jsonraw.AppendArray(dst, bodiesOf(results))
	})
}
