package gateway

import (
	"strings"

	"github.com/gobatcher/batcher/gateway/internal/jsonraw"
)

// esUpdate are the members that the body of an update may have, with the first
// bytes that their values may have. For anything else, Elasticsearch refuses the
// whole bulk, or might.
var esUpdate = map[string]string{
	"doc": "{", "upsert": "{", "script": `{"`,
	"doc_as_upsert": "tf", "scripted_upsert": "tf", "detect_noop": "tf",
	"_source": `tf"[{`,
}

// source checks the body of a single write, which becomes a line.
func (op *esOp) source(body []byte) error {
	if op.action == "update" {
		return op.update(body)
	}
	return op.text.Members(body, func(string, jsonraw.Span) {})
}

// update checks the body of an update, as Elasticsearch's UpdateRequest does
// before anything is executed.
func (op *esOp) update(body []byte) error {
	known, found := true, make(map[string]string)
	err := op.text.Members(body, func(name string, value jsonraw.Span) {
		found[name] = string(value.Of(body))
		known = known && strings.IndexByte(esUpdate[name], jsonraw.Kind(value.Of(body))) >= 0
	})
	if err != nil {
		return err
	}
	has := func(name string) bool { return found[name] != "" && found[name] != "false" }
	retries := op.meta["retry_on_conflict"]
	switch {
	case op.sourced && found["_source"] != "": // a call goes by its body, a bulk by its query
		return ErrNotMine
	case !known, has("doc") == has("script"), has("doc_as_upsert") && !has("doc"):
		return ErrNotMine
	case op.meta["if_seq_no"] != "" && (has("upsert") || has("doc_as_upsert") || strings.Trim(retries, "0") != ""):
		return ErrNotMine
	}
	return nil
}
