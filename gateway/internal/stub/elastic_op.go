package stub

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// esOp is one write, from whichever call.
type esOp struct {
	kind         string // index, create, update or delete
	index, id    string
	routing      string
	ifSeqNo      *int
	ifTerm       *int
	version      *int
	versionType  string
	requireAlias bool
	pipeline     string
	source       []byte
}

// esDone is what became of a write.
type esDone struct {
	status  int
	id      string
	members string // of the answer, without braces
	fault   *esError
}

func esIllegal(format string, args ...any) *esError {
	return &esError{http.StatusBadRequest, "illegal_argument_exception", fmt.Sprintf(format, args...), ""}
}

// esSingle reads a single document call.
func esSingle(r *http.Request, path []string, body []byte) (esOp, *esError) {
	unknown := &esError{http.StatusBadRequest, "illegal_argument_exception", "no handler found for uri [" + r.URL.RequestURI() + "] and method [" + r.Method + "]", ""}
	if len(path) < 2 || len(path) > 3 {
		return esOp{}, unknown
	}
	op := esOp{index: path[0], source: body}
	if len(path) == 3 {
		op.id = path[2]
	}
	writes := r.Method == http.MethodPost || r.Method == http.MethodPut
	switch kind := path[1]; {
	case kind == "_doc" && r.Method == http.MethodDelete && op.id != "":
		op.kind = "delete"
	case kind == "_doc" && writes && (op.id != "" || r.Method == http.MethodPost):
		op.kind = "index"
		if op.id == "" {
			op.kind = "create"
		}
	case kind == "_create" && writes && op.id != "":
		op.kind = "create"
	case kind == "_update" && r.Method == http.MethodPost && op.id != "":
		op.kind = "update"
	default:
		return esOp{}, unknown
	}
	for name, values := range r.URL.Query() {
		if fault := op.set(name, values[0]); fault != nil && !esURLWide(name) {
			return esOp{}, esIllegal("request [%s] contains unrecognized parameter: [%s]", r.URL.Path, name)
		}
	}
	return op, nil
}

// esURLWide reports whether a parameter holds for a whole bulk.
func esURLWide(name string) bool {
	return slices.Contains([]string{"refresh", "timeout", "wait_for_active_shards", "_source", "pretty", "include_source_on_error"}, name)
}

// set takes one parameter, of a URL or an action line.
func (op *esOp) set(name, value string) (fault *esError) {
	number := func() *int {
		n, err := strconv.Atoi(value)
		if err != nil {
			fault = esIllegal("Failed to parse int parameter [%s] with value [%s]", name, value)
		}
		return &n
	}
	switch name {
	case "_index":
		op.index = value
	case "_id":
		op.id = value
	case "op_type":
		op.kind = value
	case "routing":
		op.routing = value
	case "pipeline":
		op.pipeline = value
	case "if_seq_no":
		op.ifSeqNo = number()
	case "if_primary_term":
		op.ifTerm = number()
	case "version":
		op.version = number()
	case "version_type":
		op.versionType = value
	case "require_alias":
		op.requireAlias = value == "true"
	case "require_data_stream", "retry_on_conflict":
	default:
		return esIllegal("Action/metadata line contains an unknown parameter [%s]", name)
	}
	return fault
}

// esBulk reads the lines of a bulk.
func esBulk(body []byte, index string, defaults url.Values) (ops []esOp, fault *esError) {
	if !bytes.HasSuffix(body, []byte("\n")) {
		return nil, esIllegal(`The bulk request must be terminated by a newline [\n]`)
	}
	lines := bytes.Split(body[:len(body)-1], []byte("\n"))
	for i := 0; i < len(lines); i++ {
		if len(bytes.TrimSpace(lines[i])) == 0 {
			continue
		}
		op := esOp{index: index, routing: defaults.Get("routing"), pipeline: defaults.Get("pipeline")}
		if fault := op.action(lines[i], i+1); fault != nil {
			return nil, fault
		}
		if op.kind != "delete" {
			if i++; i == len(lines) {
				break
			}
			op.source = bytes.TrimSuffix(lines[i], []byte("\r"))
		}
		if fault := op.validate(); fault != nil {
			return nil, fault
		}
		ops = append(ops, op)
	}
	if len(ops) == 0 {
		return nil, &esError{http.StatusBadRequest, "action_request_validation_exception", "Validation Failed: 1: no requests added;", ""}
	}
	return ops, nil
}

func (op *esOp) action(line []byte, n int) *esError {
	var action map[string]map[string]json.RawMessage
	if err := json.Unmarshal(line, &action); err != nil || len(action) != 1 {
		return esIllegal("Malformed action/metadata line [%d]", n)
	}
	for kind, meta := range action {
		if !slices.Contains([]string{"index", "create", "update", "delete"}, kind) {
			return esIllegal("Malformed action/metadata line [%d], expected field [create], [delete], [index] or [update] but found [%s]", n, kind)
		}
		op.kind = kind
		for name, raw := range meta {
			var text string
			if json.Unmarshal(raw, &text) != nil {
				text = string(raw)
			}
			if fault := op.set(name, text); fault != nil {
				return fault
			}
		}
	}
	return nil
}

// validate finds what fails a call, and a whole bulk with it, before anything
// is written.
func (op esOp) validate() *esError {
	var fault string
	switch {
	case op.index == "":
		fault = "index is missing"
	case len(op.id) > 512:
		fault = fmt.Sprintf("id [%s] is too long, must be no longer than 512 bytes but was: %d", op.id, len(op.id))
	case op.kind != "delete" && len(op.source) == 0:
		fault = "source is missing"
	case op.kind == "create" && (op.version != nil || op.versionType != ""):
		fault = "create operations do not support explicit versions. use index instead"
	case op.kind == "create" && (op.ifSeqNo != nil || op.ifTerm != nil):
		fault = "create operations do not support compare and set. use index instead"
	case (op.ifSeqNo == nil) != (op.ifTerm == nil):
		fault = "ifSeqNo is set, but primary term is [0]"
	case op.kind == "update" && !json.Valid(op.source):
		return &esError{http.StatusBadRequest, "x_content_parse_exception", "[1:1] [UpdateRequest] cannot parse", ""}
	default:
		return nil
	}
	return &esError{http.StatusBadRequest, "action_request_validation_exception", "Validation Failed: 1: " + fault + ";", ""}
}

// apply carries out one write.
func (s *Elastic) apply(op esOp, query url.Values) esDone {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.docs == nil {
		s.docs = map[string]*esDoc{}
	}
	if op.id == "" {
		s.ids++
		op.id = "auto-" + strconv.Itoa(s.ids)
	}
	old := s.docs[op.index+"\x00"+op.id]
	if fault := op.refusal(old); fault != nil {
		return esDone{status: fault.status, id: op.id, fault: fault}
	}
	return s.write(op, old, query)
}

// refusal returns why a write fails alone. old is the document that exists.
func (op esOp) refusal(old *esDoc) *esError {
	shard := `,"index_uuid":"uuid-` + op.index + `","shard":"0","index":` + string(encode(op.index))
	conflict := func(why string) *esError {
		return &esError{http.StatusConflict, "version_conflict_engine_exception", "[" + op.id + "]: version conflict, " + why, shard}
	}
	var doc struct{ N json.RawMessage }
	switch {
	case op.index == "missing" || op.requireAlias:
		return &esError{http.StatusNotFound, "index_not_found_exception", "no such index [" + op.index + "]", `,"resource.type":"index_or_alias","resource.id":` + string(encode(op.index))}
	case op.index == "busy":
		return &esError{http.StatusTooManyRequests, "es_rejected_execution_exception", "rejected execution of primary operation", ""}
	case op.kind == "create" && old != nil:
		return conflict("document already exists (current version [" + strconv.Itoa(old.version) + "])")
	case op.kind == "update" && old == nil && !strings.Contains(string(op.source), `"upsert"`):
		return &esError{http.StatusNotFound, "document_missing_exception", "[" + op.id + "]: document missing", shard}
	case op.ifSeqNo != nil && (old == nil || old.seqNo != *op.ifSeqNo):
		return conflict("required seqNo [" + strconv.Itoa(*op.ifSeqNo) + "], primary term [1]")
	case op.kind == "delete" || op.kind == "update":
		return nil
	case json.Unmarshal(op.source, &doc) != nil:
		return &esError{http.StatusBadRequest, "document_parsing_exception", "[1:1] failed to parse", `,"caused_by":{"type":"json_parse_exception","reason":"Unexpected character"}`}
	case op.index == "strict" && len(doc.N) > 0 && doc.N[0] == '"':
		return &esError{http.StatusBadRequest, "document_parsing_exception", "[1:6] failed to parse field [n] of type [long] in document with id '" + op.id + "'",
			`,"caused_by":{"type":"illegal_argument_exception","reason":"For input string"}`}
	}
	return nil
}

func (s *Elastic) write(op esOp, old *esDoc, query url.Values) esDone {
	doc := &esDoc{source: op.source, version: 1, seqNo: s.changes}
	status, result := http.StatusCreated, "created"
	if old != nil {
		doc.version = old.version + 1
		status, result = http.StatusOK, "updated"
	}
	key := op.index + "\x00" + op.id
	switch {
	case op.kind == "delete" && old == nil:
		status, result = http.StatusNotFound, "not_found"
	case op.kind == "delete":
		result = "deleted"
		delete(s.docs, key)
	default:
		s.docs[key] = doc
	}
	s.changes++
	if s.Forgets {
		delete(s.docs, key)
		doc.seqNo = len(op.id)*1000 + len(bytes.TrimSpace(op.source))
	}
	members := `"_index":` + string(encode(op.index)) + `,"_id":` + string(encode(op.id)) + `,"_version":` + strconv.Itoa(doc.version) +
		`,"result":"` + result + `"`
	if query.Get("refresh") == "true" {
		members += `,"forced_refresh":true`
	}
	members += `,"_shards":{"total":2,"successful":1,"failed":0},"_seq_no":` + strconv.Itoa(doc.seqNo) + `,"_primary_term":1`
	return esDone{status: status, id: op.id, members: members}
}
