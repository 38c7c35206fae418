package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/gobatcher/batcher"
)

// errBad is what a Func here says of a bad request.
var errBad = errors.New("bad")

// run gives reqs to fn as one batch, and returns each request's answer.
func run[Res any](t *testing.T, fn batcher.Func[int, Res], reqs ...int) []batcher.Result[Res] {
	t.Helper()
	return runContext(t, t.Context(), fn, reqs...)
}

// runContext is run for requests that all have this submit context.
func runContext[Res any](t *testing.T, ctx context.Context, fn batcher.Func[int, Res], reqs ...int) []batcher.Result[Res] {
	t.Helper()
	batch := batcher.NewBatch(fn, batcher.BatchOptions{})
	for _, req := range reqs {
		if _, err := batch.Add(ctx, req); err != nil {
			t.Fatalf("Add(%d): %v", req, err)
		}
	}
	if err := batch.Start(); err != nil {
		t.Fatalf("Start: %v", err)
	}
	answers, _ := batch.Results(context.Background())
	if len(answers) != len(reqs) {
		t.Fatalf("got %d answers to %d requests", len(answers), len(reqs))
	}
	return answers
}

// answer is the right result of req: it names its request, so that one that
// goes astray is seen.
func answer(req int) string { return fmt.Sprintf("answer to %d", req) }

func answerAll(reqs []int) []string {
	res := make([]string, len(reqs))
	for i, req := range reqs {
		res[i] = answer(req)
	}
	return res
}

// calls records the batches that a Func saw.
type calls struct {
	mu   sync.Mutex
	seen [][]int
}

func (c *calls) add(reqs []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = append(c.seen, slices.Clone(reqs))
}

func (c *calls) list() [][]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.seen)
}

// want fails the test unless exactly these batches were seen, in this order.
func (c *calls) want(t *testing.T, want ...[]int) {
	t.Helper()
	if got := c.list(); !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("Func saw %v, want %v", got, want)
	}
}

// wantAnswers fails the test unless each request has its own result, or, if
// it is listed in bad, the error listed there.
func wantAnswers(t *testing.T, got []batcher.Result[string], reqs []int, bad map[int]error) {
	t.Helper()
	for i, req := range reqs {
		want, failed := bad[req]
		switch {
		case failed && !errors.Is(got[i].Err, want):
			t.Errorf("request %d: error %v, want %v", req, got[i].Err, want)
		case !failed && got[i].Err != nil:
			t.Errorf("request %d: error %v, want a result", req, got[i].Err)
		case !failed && got[i].Value != answer(req):
			t.Errorf("request %d: got %q, want %q", req, got[i].Value, answer(req))
		}
	}
}

// wantPanic fails the test unless f panics with this text.
func wantPanic(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		if got := recover(); got != want {
			t.Errorf("panic with %v, want %q", got, want)
		}
	}()
	f()
}
