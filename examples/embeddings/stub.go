package main

import (
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// answerTime is what a request takes, however many texts it holds.
const answerTime = 20 * time.Millisecond

// startStub serves an endpoint at the Addr of the server that it returns, which
// the caller closes.
func startStub() (*http.Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := &http.Server{Addr: listener.Addr().String(), Handler: http.HandlerFunc(serveStub)}
	go server.Serve(listener) // until it is closed
	return server, nil
}

// serveStub answers in an order that is not that of the texts, as an endpoint
// may, and refuses an empty text.
func serveStub(w http.ResponseWriter, r *http.Request) {
	var asked request
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	select {
	case <-time.After(answerTime):
	case <-r.Context().Done():
		return
	}
	var told answer
	for i, t := range asked.Input {
		if t == "" {
			told.Data = append(told.Data, row{Index: i, Error: &rowError{"the text is empty"}})
		} else {
			told.Data = append(told.Data, row{Index: i, Embedding: letters(t)})
		}
	}
	slices.Reverse(told.Data)
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(told)
}

// letters is a vector that says how often each letter of the alphabet stands
// in t: texts that differ in their letters differ in it.
func letters(t text) vector {
	v := make(vector, 'z'-'a'+1)
	for _, letter := range strings.ToLower(string(t)) {
		if letter >= 'a' && letter <= 'z' {
			v[letter-'a']++
		}
	}
	return v
}
