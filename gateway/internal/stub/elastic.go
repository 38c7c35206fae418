package stub

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Elastic is an Elasticsearch that keeps documents in memory: the single
// document calls (index, create, update, delete, get) and _bulk, with the same
// code behind both, so the answer to a single call can be compared with its
// answer out of a bulk. Three indices misbehave:
// "busy" rejects all writes with status 429, "missing" does not exist, and in
// "strict" the field n must be a number.
// The zero Elastic is ready for use.
type Elastic struct {
	Forgets bool // keeps nothing: what it answers to a write depends on that alone

	mu      sync.Mutex        // guards what follows
	docs    map[string]*esDoc // by index and id
	ids     int               // assigned
	changes int
}

type esDoc struct {
	source  []byte
	version int
	seqNo   int
}

func (s *Elastic) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	version, ok := esMedia(w, r, len(body) > 0)
	if !ok {
		return
	}
	if version != "" {
		w.Header().Set("Content-Type", "application/vnd.elasticsearch+json;compatible-with="+version)
	}
	path := esPath(r.URL)
	switch last := path[len(path)-1]; {
	case r.URL.Path == "/":
		answer(w, http.StatusOK, []byte(`{"name":"stub","cluster_name":"stub","version":{"number":"9.2.0","build_flavor":"default"},"tagline":"You Know, for Search"}`))
	case last == "_bulk" && r.Method != http.MethodGet:
		s.bulk(w, r, path, body)
	case r.Method == http.MethodGet && len(path) == 3 && path[1] == "_doc":
		s.get(w, path[0], path[2])
	default:
		s.single(w, r, path, body)
	}
}

// esPath returns the decoded segments of a path.
func esPath(u *url.URL) []string {
	segments := strings.Split(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
	for i, s := range segments {
		segments[i], _ = url.PathUnescape(s)
	}
	return segments
}

// esMedia checks the media types of a request as Elasticsearch does, and returns
// the version that it wants to be compatible with.
func esMedia(w http.ResponseWriter, r *http.Request, hasBody bool) (version string, ok bool) {
	content, accept := esNoList(r.Header.Get("Content-Type")), esNoList(r.Header.Get("Accept"))
	_, version, _ = strings.Cut(strings.ReplaceAll(content, " ", ""), "compatible-with=")
	_, wanted, _ := strings.Cut(strings.ReplaceAll(accept, " ", ""), "compatible-with=")
	media := []string{"application/json", "application/x-ndjson", "application/vnd.elasticsearch+json", "application/vnd.elasticsearch+x-ndjson"}
	kind, _, _ := strings.Cut(content, ";")
	switch {
	case hasBody && !slices.Contains(media, strings.TrimSpace(kind)):
		answer(w, http.StatusNotAcceptable, encode(map[string]any{"error": "Content-Type header [" + content + "] is not supported", "status": 406}))
		return "", false
	case hasBody && version != wanted:
		esFail(w, esError{http.StatusBadRequest, "media_type_header_exception", "Accept version must be either version 9 or 8, but found " + wanted + ". Accept=" + accept, ""})
		return "", false
	}
	return wanted, true
}

// esNoList returns a header as Elasticsearch sees it, to which a list is none.
func esNoList(header string) string {
	if strings.Contains(header, ",") {
		return ""
	}
	return header
}

// esError is a failure in Elasticsearch's terms.
type esError struct {
	status int
	kind   string
	reason string
	rest   string // further members, with a leading comma
}

// cause is the error as an item of a bulk shows it.
func (e esError) cause() string {
	return `{"type":` + string(encode(e.kind)) + `,"reason":` + string(encode(e.reason)) + e.rest + `}`
}

// esFail answers with an error as a single call shows it.
func esFail(w http.ResponseWriter, e esError) {
	cause := e.cause()
	root, _, _ := strings.Cut(strings.TrimSuffix(cause, "}"), `,"caused_by"`)
	answer(w, e.status, []byte(`{"error":{"root_cause":[`+root+`}],`+cause[1:]+`,"status":`+strconv.Itoa(e.status)+`}`))
}

func (s *Elastic) single(w http.ResponseWriter, r *http.Request, path []string, body []byte) {
	op, fault := esSingle(r, path, body)
	if fault == nil {
		fault = op.validate()
	}
	if fault != nil {
		esFail(w, *fault)
		return
	}
	done := s.apply(op, r.URL.Query())
	if done.fault != nil {
		esFail(w, *done.fault)
		return
	}
	if done.status == http.StatusCreated {
		location := "/" + url.QueryEscape(op.index) + "/_doc/" + url.QueryEscape(done.id)
		if op.routing != "" {
			location += "?routing=" + url.QueryEscape(op.routing)
		}
		w.Header().Set("Location", location)
	}
	answer(w, done.status, []byte("{"+done.members+"}"))
}

func (s *Elastic) bulk(w http.ResponseWriter, r *http.Request, path []string, body []byte) {
	index := ""
	if len(path) == 2 {
		index = path[0]
	}
	ops, fault := esBulk(body, index, r.URL.Query())
	if fault != nil {
		esFail(w, *fault)
		return
	}
	var items []string
	failed := false
	for _, op := range ops {
		done := s.apply(op, r.URL.Query())
		item := done.members + `,"status":` + strconv.Itoa(done.status)
		if done.fault != nil {
			failed = true
			item = `"_index":` + string(encode(op.index)) + `,"_id":` + string(encode(op.id)) +
				`,"status":` + strconv.Itoa(done.fault.status) + `,"error":` + done.fault.cause()
		}
		items = append(items, `{"`+op.kind+`":{`+item+`}}`)
	}
	answer(w, http.StatusOK, []byte(`{"errors":`+strconv.FormatBool(failed)+`,"took":7,"items":[`+strings.Join(items, ",")+`]}`))
}

func (s *Elastic) get(w http.ResponseWriter, index, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	doc := s.docs[index+"\x00"+id]
	head := `{"_index":` + string(encode(index)) + `,"_id":` + string(encode(id))
	if doc == nil {
		answer(w, http.StatusNotFound, []byte(head+`,"found":false}`))
		return
	}
	answer(w, http.StatusOK, []byte(head+`,"_version":`+strconv.Itoa(doc.version)+`,"_seq_no":`+strconv.Itoa(doc.seqNo)+
		`,"_primary_term":1,"found":true,"_source":`+string(doc.source)+`}`))
}
