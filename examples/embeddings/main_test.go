package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// One run: the texts have the same vectors both ways, in far fewer requests,
// and the empty one fails alone.
func TestRun(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out, func(string) string { return "" }); err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`^A stub answers, as OPENAI_BASE_URL is not set\.
101 goroutines, one text each, 4 connections

 +requests +texts/s
one by one +101 +\d+
batched +(\d+) +\d+

Text 42, "", has no vector\. One by one: the text is empty\. Batched: the text is empty\.
100 texts have the same vector both ways\.
$`)
	m := want.FindStringSubmatch(out.String())
	if m == nil {
		t.Fatalf("got:\n%s\nwant:\n%v", &out, want)
	}
	if n, _ := strconv.Atoi(m[1]); n > 20 {
		t.Errorf("%d requests for 101 texts in batches", n)
	}
}

// An endpoint that refuses a whole request for one text is asked again until
// that text is alone; one that is busy is asked again as it was.
func TestRunAgainstStrictEndpoint(t *testing.T) {
	var requests atomic.Int64
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var asked request
		_ = json.Unmarshal(body, &asked)
		switch {
		case r.URL.Path != "/v1/embeddings" || r.Header.Get("Authorization") != "Bearer secret" || asked.Model != "small":
			http.Error(w, "not found", http.StatusNotFound)
		case requests.Add(1) == 1:
			http.Error(w, "slow down", http.StatusTooManyRequests)
		case slices.Contains(asked.Input, ""):
			http.Error(w, "input is empty", http.StatusBadRequest)
		default:
			r.Body = io.NopCloser(bytes.NewReader(body))
			serveStub(w, r)
		}
	}))
	defer endpoint.Close()
	settings := map[string]string{"OPENAI_BASE_URL": endpoint.URL + "/v1/", "OPENAI_API_KEY": "secret", "EMBEDDING_MODEL": "small"}
	var out bytes.Buffer
	if err := run(t.Context(), &out, func(name string) string { return settings[name] }); err != nil {
		t.Fatal(err)
	}
	want := `
Text 42, "", has no vector. One by one: 400 Bad Request: input is empty. Batched: 400 Bad Request: input is empty.
100 texts have the same vector both ways.
`
	if !strings.HasSuffix(out.String(), want) || strings.Contains(out.String(), "stub") {
		t.Errorf("got:\n%s\nwant at the end:\n%s", &out, want)
	}
}

// An endpoint that changes its mind is noticed.
func TestRunTwoVectors(t *testing.T) {
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked request
		_ = json.NewDecoder(r.Body).Decode(&asked)
		var told answer
		for i := range asked.Input {
			told.Data = append(told.Data, row{Index: i, Embedding: vector{1, float64(len(asked.Input))}})
		}
		_ = json.NewEncoder(w).Encode(told)
	}))
	defer endpoint.Close()
	var out bytes.Buffer
	if err := run(t.Context(), &out, func(name string) string { return map[string]string{"OPENAI_BASE_URL": endpoint.URL}[name] }); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), `Text 0, "Ann reads.", has two vectors.`) {
		t.Errorf("got:\n%s", &out)
	}
}

// Ctrl-C ends it, also in the middle of a request.
func TestRunInterrupted(t *testing.T) {
	interrupt := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	endpoint := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or the client's leaving would not be seen
		cancel(interrupt)
		<-r.Context().Done()
	}))
	defer endpoint.Close()
	if err := compare(ctx, io.Discard, newClient(endpoint.URL, "", "")); !errors.Is(err, interrupt) {
		t.Errorf("got %v", err)
	}
}

// Where nothing works it says why, once.
func TestRunNothingWorks(t *testing.T) {
	endpoint := httptest.NewServer(http.NotFoundHandler())
	defer endpoint.Close()
	err := compare(t.Context(), io.Discard, newClient(endpoint.URL, "", ""))
	if err == nil || err.Error() != "no text has a vector: 404 Not Found: 404 page not found" {
		t.Errorf("got %v", err)
	}
}
