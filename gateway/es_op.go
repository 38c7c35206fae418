package gateway

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gobatcher/batcher/gateway/internal/jsonraw"
)

// esBulkAction is the action of a bulk, which holds writes of its own.
const esBulkAction = "bulk"

// esMaxName is the most bytes of an id, and more than an index may have. The index
// in the path of a bulk is repeated in each of its writes, which may be small.
const esMaxName = 512

// esOp is one write, from a call of its own or a line in a bulk. The parameters
// that it may have, and may have together, are those that pass the checks that
// Elasticsearch makes before it executes anything: what does not fails a single
// call, and a whole bulk.
type esOp struct {
	action string
	document
	meta    map[string]string // further members of the action line
	sourced bool              // its query says what of an updated document the answer holds
	text    jsonraw.Scanner   // has gone through what is read of it
}

// esMeta are the query parameters that become members of an action line, of the
// same name, and the actions that know them.
var esMeta = map[string][]string{
	"routing":             {"index", "create", "update", "delete"},
	"if_seq_no":           {"index", "update", "delete"},
	"if_primary_term":     {"index", "update", "delete"},
	"version":             {"index", "delete"},
	"version_type":        {"index", "delete"},
	"pipeline":            {"index", "create"},
	"require_alias":       {"index", "create", "update"},
	"require_data_stream": {"index", "create"},
	"retry_on_conflict":   {"update"},
}

// esWide are the query parameters that hold for a whole bulk, and the actions that
// know them.
var esWide = map[string][]string{
	"refresh":                 {"index", "create", "update", "delete", esBulkAction},
	"timeout":                 {"index", "create", "update", "delete", esBulkAction},
	"wait_for_active_shards":  {"index", "create", "update", "delete", esBulkAction},
	"include_source_on_error": {"index", "create", "update", esBulkAction},
	"_source":                 {"update", esBulkAction},
	"_source_includes":        {"update", esBulkAction},
	"_source_excludes":        {"update", esBulkAction},
	"pipeline":                {esBulkAction},
	"routing":                 {esBulkAction},
	"require_alias":           {esBulkAction},
	"require_data_stream":     {esBulkAction},
	"list_executed_pipelines": {esBulkAction},
}

// take divides the query of a call between the action line and the query of the
// bulk, which it returns. It fails for what is not known, and what comes twice.
func (op *esOp) take(query url.Values) (wide string, ok bool) {
	if query.Has("op_type") && !op.choose(query.Get("op_type")) {
		return "", false
	}
	rest := url.Values{}
	for name, values := range query {
		switch {
		case len(values) != 1:
			return "", false
		case name == "op_type":
		case slices.Contains(esWide[name], op.action):
			rest[name] = values
			op.sourced = op.sourced || strings.HasPrefix(name, "_source")
		default:
			op.set(name, values[0])
		}
	}
	return rest.Encode(), op.valid()
}

// choose makes a create of an index, if op_type says so.
func (op *esOp) choose(opType string) bool {
	if opType == op.action {
		return opType == "index" || opType == "create"
	}
	if opType != "create" || op.action != "index" {
		return false
	}
	op.action = opType
	return true
}

// set notes a member of the action line.
func (op *esOp) set(name, value string) {
	if op.meta == nil {
		op.meta = make(map[string]string)
	}
	op.meta[name] = value
}

// valid reports whether op can be part of a bulk without failing all of it.
func (op *esOp) valid() bool {
	for name, value := range op.meta {
		if !slices.Contains(esMeta[name], op.action) || !esFits(name, value) {
			return false
		}
	}
	_, hasSeqNo := op.meta["if_seq_no"]
	_, hasTerm := op.meta["if_primary_term"]
	_, hasVersion := op.meta["version"]
	versionType := op.meta["version_type"]
	external := versionType == "external" || versionType == "external_gte"
	switch {
	case op.index == "" || len(op.index) > esMaxName || len(op.id) > esMaxName:
		return false
	case op.id == "" && (op.action == "update" || op.action == "delete" || hasSeqNo || hasVersion || external):
		return false
	case hasSeqNo != hasTerm || hasSeqNo && (hasVersion || external):
		return false
	}
	return hasVersion == external
}

// esFits reports whether a member can have the value.
func esFits(name, value string) bool {
	switch name {
	case "if_seq_no", "version":
		_, err := strconv.ParseUint(value, 10, 63)
		return err == nil
	case "retry_on_conflict":
		_, err := strconv.ParseUint(value, 10, 31)
		return err == nil
	case "if_primary_term":
		n, err := strconv.ParseUint(value, 10, 63)
		return err == nil && n > 0
	case "version_type":
		return value == "internal" || value == "external" || value == "external_gte"
	case "require_alias", "require_data_stream":
		return value == "true" || value == "false"
	}
	return value != ""
}

// line returns the action line. Elasticsearch takes numbers and booleans in it
// as strings too.
func (op *esOp) line() []byte {
	line := append(make([]byte, 0, 64+len(op.index)+len(op.id)), `{"`+op.action+`":{"_index":`...)
	line = appendString(line, op.index)
	if op.id != "" {
		line = appendString(append(line, `,"_id":`...), op.id)
	}
	for _, name := range slices.Sorted(maps.Keys(op.meta)) {
		line = appendString(append(line, `,"`+name+`":`...), op.meta[name])
	}
	return append(line, "}}\n"...)
}
