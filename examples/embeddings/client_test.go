package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobatcher/batcher"
)

// embed asks an endpoint that answers with body for two texts.
func embed(t *testing.T, body string) ([]vector, error) {
	t.Helper()
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(endpoint.Close)
	return newClient(endpoint.URL, "", "m").embed(t.Context(), []text{"a", "b"})
}

// Rows belong to texts by their index, not by their place.
func TestEmbedByIndex(t *testing.T) {
	vectors, err := embed(t, `{"data":[{"index":1,"embedding":[0,2]},{"index":0,"embedding":[1,0]}]}`)
	var each batcher.Errors
	if !errors.As(err, &each) || len(each) != 2 || each[0] != nil || each[1] != nil {
		t.Errorf("got %v", err)
	}
	if fmt.Sprint(vectors) != "[[1 0] [0 2]]" {
		t.Errorf("got %v", vectors)
	}
}

// One text can fail alone: by its row's error, for want of a row, of a vector.
func TestEmbedOneFails(t *testing.T) {
	for body, want := range map[string]string{
		`{"data":[{"index":1,"error":{"message":"too long"}},{"index":0,"embedding":[1]}]}`: "too long",
		`{"data":[{"index":0,"embedding":[1]}]}`:                                            errNoRow.Error(),
		`{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[]}]}`:                 errNoRow.Error(),
	} {
		_, err := embed(t, body)
		var each batcher.Errors
		if !errors.As(err, &each) || len(each) != 2 || each[0] != nil || each[1] == nil || each[1].Error() != want {
			t.Errorf("%s: got %v, want %q for text 1", body, err, want)
		}
	}
}

// An answer that cannot be right is nobody's answer.
func TestEmbedAllFail(t *testing.T) {
	for body, want := range map[string]string{
		`{"data":[{"index":2,"embedding":[1]}]}`:                               "the endpoint answered for text 2 of 2",
		`{"data":[{"index":-1,"embedding":[1]}]}`:                              "the endpoint answered for text -1 of 2",
		`{"data":[{"embedding":[1]},{"embedding":[2]}]}`:                       "the endpoint answered twice for text 0 of 2",
		`{"data":[{"index":0,"embedding":[1]},{"index":0,"error":{"a":"b"}}]}`: "the endpoint answered twice for text 0 of 2",
		`<html>`: "invalid character '<' looking for beginning of value",
	} {
		_, err := embed(t, body)
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %q", body, err, want)
		}
	}
}

// Calls one after the other share one connection, whatever they are told.
func TestEmbedKeepsItsConnection(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"vectors": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"data":[{"index":0,"embedding":[1]}]}`)
			_ = http.NewResponseController(w).Flush()
			time.Sleep(time.Millisecond) // the answer is there, and its end is not
		},
		"a long error": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, strings.Repeat("slow down ", 2000), http.StatusTooManyRequests)
		},
	} {
		var connections atomic.Int64
		endpoint := httptest.NewUnstartedServer(answer)
		endpoint.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				connections.Add(1)
			}
		}
		endpoint.Start()
		t.Cleanup(endpoint.Close)
		c := newClient(endpoint.URL, "", "m")
		for range 20 {
			_, _ = c.embed(t.Context(), []text{"a"})
		}
		if n := connections.Load(); n != 1 {
			t.Errorf("%s: %d connections for 20 calls, want 1", name, n)
		}
	}
}

func TestEmbedBadURL(t *testing.T) {
	for _, url := range []string{":", "http://127.0.0.1:1"} {
		if _, err := newClient(url, "", "").embed(t.Context(), []text{"a"}); err == nil || badInput(err) || busy(err) {
			t.Errorf("%s: got %v", url, err)
		}
	}
}

func TestCosine(t *testing.T) {
	for _, c := range []struct {
		v, w vector
		want float64
	}{{vector{1, 0}, vector{2, 0}, 1}, {vector{1, 0}, vector{0, 1}, 0}, {vector{1}, vector{1, 1}, 0}} {
		if got := c.v.cosine(c.w); got != c.want {
			t.Errorf("cosine of %v and %v: got %v, want %v", c.v, c.w, got, c.want)
		}
	}
}

// The texts of the program can be told apart by their vectors, so that a
// mix-up shows.
func TestTextsDiffer(t *testing.T) {
	for i, a := range texts {
		for _, b := range texts[:i] {
			if letters(a).cosine(letters(b)) > 0.999 {
				t.Errorf("%q and %q have the same vector", a, b)
			}
		}
	}
}

func TestStubRefusesWhatIsNoRequest(t *testing.T) {
	w := httptest.NewRecorder()
	serveStub(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader("?")))
	if w.Code != http.StatusBadRequest {
		t.Errorf("got %d", w.Code)
	}
}
