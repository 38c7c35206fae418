package durable

import (
	"encoding/json"
	"net/http"
)

// This file makes requests and answers pass through the queue unchanged. A header
// and a query may hold bytes that are not UTF-8, which a string in JSON cannot: so
// their texts are written as bytes.

type exactRequest struct {
	Method, Host string
	URI          []byte
	Header       exactHeader
	Body         []byte
}

type exactAnswer struct {
	Status int
	Header exactHeader
	Body   []byte
}

type exactHeader map[string][][]byte

func (req httpRequest) MarshalJSON() ([]byte, error) {
	return json.Marshal(exactRequest{req.Method, req.Host, []byte(req.URI), exact(req.Header), req.Body})
}

func (req *httpRequest) UnmarshalJSON(text []byte) error {
	var e exactRequest
	err := json.Unmarshal(text, &e)
	*req = httpRequest{Method: e.Method, Host: e.Host, URI: string(e.URI), Header: e.Header.texts(), Body: e.Body}
	return err
}

func (a httpAnswer) MarshalJSON() ([]byte, error) {
	return json.Marshal(exactAnswer{a.Status, exact(a.Header), a.Body})
}

func (a *httpAnswer) UnmarshalJSON(text []byte) error {
	var e exactAnswer
	err := json.Unmarshal(text, &e)
	*a = httpAnswer{Status: e.Status, Header: e.Header.texts(), Body: e.Body}
	return err
}

// exact returns h with its values as bytes.
func exact(h http.Header) exactHeader {
	e := make(exactHeader, len(h))
	for name, values := range h {
		e[name] = make([][]byte, len(values))
		for i, value := range values {
			e[name][i] = []byte(value)
		}
	}
	return e
}

// texts returns the header that e was made from.
func (e exactHeader) texts() http.Header {
	h := make(http.Header, len(e))
	for name, values := range e {
		h[name] = make([]string, len(values))
		for i, value := range values {
			h[name][i] = string(value)
		}
	}
	return h
}
