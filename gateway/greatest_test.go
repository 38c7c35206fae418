package gateway_test

import (
	"context"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/gateway"
)

// The greatest number is a limit like others, for a body, an answer and a line whose
// lengths are not known before.
func TestGreatestLimits(t *testing.T) {
	u := newHTTP(t, "", gateway.HTTPOptions{MaxAnswer: math.MaxInt64}, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
		_ = http.NewResponseController(w).Flush()
	})
	h := newHandler(t, gateway.Route{Upstream: u, MaxBody: math.MaxInt64, MaxPendingBytes: math.MaxInt64}, gateway.Options{})
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("a"))
	r.ContentLength = -1
	wantAnswer(t, serve(h, r), 200, "a")

	p := newProgram(t, "", gateway.ProgramOptions{MaxAnswer: math.MaxInt64})
	if line, err := ask(t, p, "[2,3]"); line != "[4,9]" || err != nil {
		t.Errorf("got %s, %v", line, err)
	}
}

// A batch is never told to weigh less than one of its items.
func TestGreatestWeights(t *testing.T) {
	var told int
	wrap := func(fn batcher.Func[gateway.Item, gateway.Outcome]) batcher.Func[gateway.Item, gateway.Outcome] {
		return func(ctx context.Context, items []gateway.Item) ([]gateway.Outcome, error) {
			info, _ := batcher.FromContext(ctx)
			told = info.Weight
			return fn(ctx, items)
		}
	}
	process, err := gateway.Route{Pattern: "/", Protocol: words{}, Upstream: &upper{}, Wrap: wrap}.Process(gateway.Observer{})
	if err != nil {
		t.Fatal(err)
	}
	ctx := batcher.WithInfo(t.Context(), batcher.Info{})
	items := []gateway.Item{{Data: []byte("a"), Weight: math.MaxInt}, {Data: []byte("b"), Weight: 2}}
	if _, err := process(ctx, gateway.Key{}, items); err != nil || told != math.MaxInt {
		t.Errorf("a batch weighs %d, its first item %d: %v", told, math.MaxInt, err)
	}
}
