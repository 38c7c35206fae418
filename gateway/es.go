package gateway

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// ESBulk is the protocol "es-bulk": the document writes of Elasticsearch and
// OpenSearch, joined to POST /_bulk
// (https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk).
// Its calls are
//
//	POST, PUT   /{index}/_doc/{id}      index
//	POST        /{index}/_doc           create, with an id of Elasticsearch's
//	POST, PUT   /{index}/_create/{id}   create
//	POST        /{index}/_update/{id}   update
//	DELETE      /{index}/_doc/{id}      delete
//	POST, PUT   /_bulk, /{index}/_bulk
//
// Calls of all kinds, on whatever indices, share batches. Query parameters that
// concern one document move to its action line; those that concern a whole bulk
// (refresh, timeout, …) divide batches, as do the version that a client wants to
// be compatible with and the headers that make a call in another user's name
// (es-security-runas-user and OpenSearch's). A call with any other parameter,
// one for which a whole bulk would be refused, or a bulk with two writes of one
// document is not a call of this protocol.
//
// A single write is answered with the status of its item, and the body with
// which Elasticsearch answers a single call, made of the item: without its
// status, or, for an error, with root_cause around it. A document is sent as the
// caller wrote it, except that line breaks between its tokens become spaces.
// Lines of callers' bulks are not changed, unless the index in their path must
// be put in. Items come in the order of the writes; their action and id are
// checked. Errors of the gateway's own have the form of Elasticsearch's.
type ESBulk struct{}

// esCaller is what Reply must know about a call.
type esCaller struct {
	bulk    bool
	routing string // of a single write
}

// Limits lets a bulk hold 1,000 writes: Elasticsearch names no limit, and larger
// ones gain little.
func (ESBulk) Limits() (items, weight int) { return 1000, 0 }

// Refuse knows that a bulk answered with status 400 was refused as a whole,
// before any of its writes was made, unless it is a large one: it is sent again in
// parts, until the calls to blame are alone. Refuse withholds a body that holds
// the results of others.
func (p ESBulk) Refuse(key Key, items []Item, answer Answer, e *Error) []Result {
	e.Undone = e.Undone || answer.Status == http.StatusBadRequest && !esInParts(items)
	withhold(p, key, items, answer, e)
	return nil
}

const (
	esPart     = 1 << 20 // indexing_pressure.memory.split_bulk.watermark.high.bulk_size
	esPerWrite = 512     // more than a write without its document takes at Elasticsearch
)

// esInParts reports whether Elasticsearch may have made some writes of a bulk
// before it has read the others. With rest.incremental_bulk, its default, it does
// so when it is short of memory, if they take 1 MiB there.
func esInParts(items []Item) bool {
	return len(items)*esPerWrite+sizeOf(items) >= esPart
}

// esHeaders say, like Authorization, in whose name a call is made: at
// Elasticsearch and at OpenSearch.
var (
	esHeaders        = []string{"Es-Security-Runas-User", "Opendistro_security_impersonate_as"}
	esVersionHeaders = append([]string{"Accept"}, esHeaders...)
)

// Match looks at method and path only.
func (ESBulk) Match(r *http.Request) bool {
	_, ok := esTarget(r)
	return ok
}

// Read makes an item of each write: its action line and its source line.
func (ESBulk) Read(r *http.Request, body []byte, most int) (*Call, error) {
	op, ok := esTarget(r)
	query, err := url.ParseQuery(r.URL.RawQuery)
	if !ok || err != nil {
		return nil, ErrNotMine
	}
	version, ok := esMedia(r, body)
	if !ok {
		return nil, ErrNotMine
	}
	if !utf8.Valid(body) {
		return nil, errors.New("the body is not UTF-8")
	}
	call := &Call{Method: http.MethodPost, Path: "/_bulk", ContentType: "application/x-ndjson", Headers: esHeaders}
	if version != "" {
		call.ContentType, call.Headers = "application/vnd.elasticsearch+x-ndjson;compatible-with="+version, esVersionHeaders
	}
	if op.action == esBulkAction {
		err = esReadBulk(call, op.index, query, body, most)
	} else {
		err = esReadSingle(call, op, query, body)
	}
	if err != nil {
		return nil, err
	}
	return call, nil
}

// esTarget finds the kind of a write and its document by method and path.
func esTarget(r *http.Request) (op esOp, ok bool) {
	path := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	writes := r.Method == http.MethodPost || r.Method == http.MethodPut
	kind, id := path[len(path)-1], ""
	switch {
	case kind == "_bulk" && len(path) == 1 && writes:
		return esOp{action: esBulkAction}, true
	case kind == "_bulk" && len(path) == 2 && writes:
		op.action = esBulkAction
	case kind == "_doc" && len(path) == 2 && r.Method == http.MethodPost:
		op.action = "create"
	case len(path) != 3 || path[2] == "":
		return op, false
	default:
		if op.action = esActionOf(path[1], r.Method, writes); op.action == "" {
			return op, false
		}
		id = path[2]
	}
	index, err1 := url.PathUnescape(path[0])
	id, err2 := url.PathUnescape(id)
	if err1 != nil || err2 != nil || index == "" || index[0] == '_' || !utf8.ValidString(index+id) {
		return op, false
	}
	op.index, op.id = index, id
	return op, true
}

// esActionOf returns the action of a call to /{index}/{endpoint}/{id}.
func esActionOf(endpoint, method string, writes bool) string {
	switch {
	case endpoint == "_doc" && writes:
		return "index"
	case endpoint == "_create" && writes:
		return "create"
	case endpoint == "_update" && method == http.MethodPost:
		return "update"
	case endpoint == "_doc" && method == http.MethodDelete:
		return "delete"
	}
	return ""
}

// esMedia returns the version that a client wants to be compatible with, "" if it
// does not say. It is false for bodies in other formats than JSON. Like
// Elasticsearch, it takes no notice of a list in Accept.
func esMedia(r *http.Request, body []byte) (version string, ok bool) {
	content, contentVersion := esMediaType(r.Header.Get("Content-Type"))
	accept, acceptVersion := esMediaType(r.Header.Get("Accept"))
	if strings.Contains(r.Header.Get("Accept"), ",") {
		accept, acceptVersion = "", ""
	}
	switch content {
	case "application/json", "application/x-ndjson", "application/vnd.elasticsearch+json", "application/vnd.elasticsearch+x-ndjson":
		if len(body) > 0 && contentVersion != acceptVersion {
			return "", false
		}
	default:
		if content != "" || len(body) > 0 {
			return "", false
		}
	}
	switch accept {
	case "", "*/*", "application/json", "application/vnd.elasticsearch+json":
		return acceptVersion, true
	}
	return "", false
}

// esMediaType splits a header into the media type and the version in it.
func esMediaType(header string) (media, version string) {
	media, parameters, _ := strings.Cut(header, ";")
	for parameter := range strings.SplitSeq(parameters, ";") {
		if value, ok := strings.CutPrefix(strings.TrimSpace(parameter), "compatible-with="); ok {
			version = value
		}
	}
	return strings.TrimSpace(media), version
}

// Join puts the lines one after the other.
func (ESBulk) Join(_ Key, items []Item) ([]byte, error) {
	body := make([]byte, 0, sizeOf(items))
	for _, item := range items {
		body = append(body, item.Data...)
	}
	return body, nil
}
