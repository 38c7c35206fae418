package gateway

import (
	"bytes"
	"errors"
	"net/url"
	"slices"

	"github.com/gobatcher/batcher/gateway/internal/jsonraw"
)

// esReadSingle makes the item of a single write.
func esReadSingle(c *Call, op esOp, query url.Values, body []byte) error {
	wide, ok := op.take(query)
	if !ok {
		return ErrNotMine
	}
	c.Query, c.State = wide, &esCaller{routing: op.meta["routing"]}
	lines := op.line()
	if op.action == "delete" {
		if len(trim(body)) > 0 {
			return ErrNotMine
		}
		c.Items = []Item{{Data: lines}}
		return nil
	}
	if err := op.source(body); err != nil {
		return err
	}
	c.Alone = op.text.Odd
	lines = appendLine(slices.Grow(lines, len(body)+1), trim(body))
	c.Items = []Item{{Data: append(lines, '\n')}}
	return nil
}

// appendLine appends JSON with spaces in place of line breaks, which it can have
// only between its tokens.
func appendLine(dst, text []byte) []byte {
	start := len(dst)
	dst = append(dst, text...)
	for i, c := range dst[start:] {
		if c == '\n' || c == '\r' {
			dst[start+i] = ' '
		}
	}
	return dst
}

// esReadBulk makes an item of each write in a bulk, no more than most unless that
// is zero. index is the one in its path, or "". Two writes of one document must
// stay in order, but batches run at the same time: a bulk with two such writes
// is ErrNotMine.
func esReadBulk(c *Call, index string, query url.Values, body []byte, most int) error {
	bulk := esOp{action: esBulkAction, document: document{index: "-"}}
	wide, ok := bulk.take(query)
	if !ok {
		return ErrNotMine
	}
	c.Query, c.State = wide, &esCaller{bulk: true}
	if len(body) > 0 && body[len(body)-1] != '\n' {
		return errors.New("the bulk request must be terminated by a newline [\\n]")
	}
	seen := make(map[document]bool)
	for len(body) > 0 {
		n := bytes.IndexByte(body, '\n') + 1
		if len(trim(body[:n])) > 0 {
			if most > 0 && len(c.Items) == most {
				return tooMany(most)
			}
			lines, err := esWrite(body, n, index)
			if err != nil {
				return err
			}
			if lines.id != "" && seen[lines.document] {
				return ErrNotMine
			}
			seen[lines.document] = true
			c.Alone = c.Alone || lines.alone
			c.Items = append(c.Items, Item{Data: lines.data})
			n = lines.length
		}
		body = body[n:]
	}
	return nil
}

// esLines are the one or two lines of a write.
type esLines struct {
	document
	data   []byte // as they are sent
	length int    // as they came
	alone  bool   // what Elasticsearch reads of them at once is odd
}

// document is what a write writes; without an id, a new document.
type document struct{ index, id string }

// esWrite takes the first write off a bulk. The action line has n bytes.
func esWrite(body []byte, n int, index string) (esLines, error) {
	var op esLine
	if err := op.read(body[:n], index); err != nil {
		return esLines{}, err
	}
	length := n
	if op.action != "delete" {
		length += bytes.IndexByte(body[n:], '\n') + 1
		source := body[n:length]
		if len(trim(source)) == 0 || op.action == "update" && op.source(source) != nil {
			return esLines{}, ErrNotMine
		}
	}
	data := body[:length:length]
	if op.missing {
		data = append(esPutIndex(body[:n], op.at, index), body[n:length]...)
	}
	return esLines{op.document, data, length, op.text.Odd}, nil
}

// esLine is an action line, read.
type esLine struct {
	esOp
	missing bool // it names no index
	at      int  // after the brace that opens its metadata
	opType  string
}

// read takes an action line apart. It fails with ErrNotMine for what Elasticsearch
// might refuse, and with another error for what is not JSON.
func (op *esLine) read(line []byte, index string) error {
	var meta jsonraw.Span
	actions := 0
	err := op.text.Members(line, func(name string, value jsonraw.Span) {
		op.action, meta = name, value
		actions++
	})
	if err != nil {
		return err
	}
	if actions != 1 || !slices.Contains([]string{"index", "create", "update", "delete"}, op.action) || jsonraw.Kind(meta.Of(line)) != '{' {
		return ErrNotMine
	}
	op.index, op.missing, op.at = index, true, meta.Start+1
	plain := true
	err = op.text.Members(meta.Of(line), func(name string, value jsonraw.Span) {
		text, ok := esText(value.Of(meta.Of(line)))
		plain = plain && ok
		switch name {
		case "_index":
			op.index, op.missing = text, false
		case "_id":
			op.id = text
			plain = plain && text != ""
		case "op_type":
			op.opType = text
		default:
			op.set(name, text)
		}
	})
	if err != nil || !plain || op.opType != "" && !op.choose(op.opType) || !op.valid() {
		return ErrNotMine
	}
	return nil
}

// esText returns the text of a string, a number or a boolean.
func esText(value []byte) (text string, ok bool) {
	switch jsonraw.Kind(value) {
	case '"':
		return jsonraw.Name(value), true
	case '{', '[', 'n':
		return "", false
	}
	return string(value), true
}

// esPutIndex puts an index into an action line, before the members that begin at
// at.
func esPutIndex(line []byte, at int, index string) []byte {
	named := append(make([]byte, 0, len(line)+len(index)+16), line[:at]...)
	named = appendString(append(named, `"_index":`...), index)
	if trim(line[at:])[0] != '}' {
		named = append(named, ',')
	}
	return append(named, line[at:]...)
}
