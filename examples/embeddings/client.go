package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/gobatcher/batcher"
)

const connections = 4

// text is an input. It weighs about as many tokens as it has.
type text string

// Weight makes a batcher.Weigher of it.
func (t text) Weight() int { return len(t)/4 + 1 }

type vector []float64

// cosine is 1 for vectors of the same direction.
func (v vector) cosine(w vector) float64 {
	if len(v) != len(w) {
		return 0
	}
	var dot, vv, ww float64
	for i := range v {
		dot += v[i] * w[i]
		vv += v[i] * v[i]
		ww += w[i] * w[i]
	}
	return dot / math.Sqrt(vv*ww)
}

// client calls an endpoint. It is safe for concurrent use.
type client struct {
	url, key, model string
	http            *http.Client
	requests        atomic.Int64
}

func newClient(baseURL, key, model string) *client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxConnsPerHost, transport.MaxIdleConnsPerHost = connections, connections
	return &client{url: strings.TrimSuffix(baseURL, "/") + "/embeddings", key: key, model: model, http: &http.Client{Transport: transport}}
}

type request struct {
	Model string `json:"model"`
	Input []text `json:"input"`
}

type answer struct {
	Data []row `json:"data"`
}

// row is the answer to one input.
type row struct {
	Index     int       `json:"index"`
	Embedding vector    `json:"embedding,omitempty"`
	Error     *rowError `json:"error,omitempty"`
}

// rowError says why an input has no vector.
type rowError struct {
	Message string `json:"message"`
}

func (e *rowError) Error() string { return e.Message }

var errNoRow = errors.New("the endpoint did not answer for this text")

// embed is a batcher.Func: one request for many texts. Rows belong to texts by
// their index, whatever order they come in; a text whose row is missing or
// holds an error fails alone. An answer that cannot be right fails them all.
func (c *client) embed(ctx context.Context, texts []text) ([]vector, error) {
	answer, err := c.post(ctx, request{Model: c.model, Input: texts})
	if err != nil {
		return nil, err
	}
	vectors, errs := make([]vector, len(texts)), make(batcher.Errors, len(texts))
	for i := range errs {
		errs[i] = errNoRow
	}
	for _, row := range answer.Data {
		i := row.Index
		switch {
		case i < 0 || i >= len(texts):
			return nil, fmt.Errorf("the endpoint answered for text %d of %d", i, len(texts))
		case errs[i] != errNoRow:
			return nil, fmt.Errorf("the endpoint answered twice for text %d of %d", i, len(texts))
		case row.Error != nil:
			errs[i] = row.Error
		case len(row.Embedding) > 0:
			vectors[i], errs[i] = row.Embedding, nil
		}
	}
	return vectors, errs // nil for each text that has a vector
}

// post sends a request and reads the answer.
func (c *client) post(ctx context.Context, body request) (answer answer, err error) {
	c.requests.Add(1)
	text, err := json.Marshal(body)
	if err != nil {
		return answer, err
	}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(text))
	if err != nil {
		return answer, err
	}
	post.Header.Set("Content-Type", "application/json")
	if c.key != "" {
		post.Header.Set("Authorization", "Bearer "+c.key)
	}
	response, err := c.http.Do(post)
	if err != nil {
		return answer, err
	}
	defer response.Body.Close()
	defer io.CopyN(io.Discard, response.Body, 64<<10) // a connection is used again only if its answer was read to the end
	if response.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(response.Body, 1000)) // what there is of it
		return answer, &statusError{response.StatusCode, string(bytes.TrimSpace(said))}
	}
	err = json.NewDecoder(response.Body).Decode(&answer)
	return answer, err
}

// statusError is an answer that is not OK.
type statusError struct {
	code int
	said string
}

func (e *statusError) Error() string {
	return fmt.Sprintf("%d %s: %s", e.code, http.StatusText(e.code), e.said)
}

// badInput reports whether the endpoint refused a whole request for what is in
// it, which may be one text.
func badInput(err error) bool {
	var status *statusError
	return errors.As(err, &status) && status.code == http.StatusBadRequest
}

// busy reports whether the endpoint may answer later.
func busy(err error) bool {
	var status *statusError
	return errors.As(err, &status) && (status.code == http.StatusTooManyRequests || status.code >= 500)
}
