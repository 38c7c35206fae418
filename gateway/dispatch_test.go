package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/gateway"
	"github.com/gobatcher/batcher/gateway/internal/conformance"
)

// far is a Dispatcher whose batches are processed elsewhere, each call alone:
// whatever it hands over goes through JSON.
type far struct {
	t       *testing.T
	process gateway.Process
	closed  bool
}

// through returns a copy of v that has been written and read.
func through[T any](t *testing.T, v T) (copied T) {
	t.Helper()
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &copied)
	}
	if err != nil {
		t.Errorf("%+v: %v", v, err)
	}
	return copied
}

func (d *far) Dispatch(ctx context.Context, key gateway.Key, items []gateway.Item) ([]gateway.Outcome, error) {
	outcomes, err := d.process(ctx, through(d.t, key), through(d.t, items))
	var each batcher.Errors
	if errors.As(err, &each) {
		for _, err = range each {
			if err != nil {
				break
			}
		}
	}
	var e *gateway.Error
	if errors.As(err, &e) {
		return nil, through(d.t, e)
	}
	return through(d.t, outcomes), err
}

func (d *far) Shutdown(context.Context) error { d.closed = true; return nil }
func (d *far) Stats() batcher.Stats           { return batcher.Stats{Submitted: 7} }

func TestDispatcherFarAway(t *testing.T) {
	d := &far{t: t}
	worker := gateway.Route{Pattern: "/", Protocol: words{}, Upstream: &upper{send: func(_ context.Context, _ gateway.Key, body []byte) (gateway.Answer, error) {
		a := shout(body)
		if string(body) == "bad" {
			a.Status, a.Header = 429, http.Header{"Retry-After": {"3"}}
		}
		return a, nil
	}}}
	var err error
	if d.process, err = worker.Process(gateway.Observer{}); err != nil {
		t.Fatal(err)
	}
	h := newHandler(t, gateway.Route{Dispatcher: d, Refuse: true}, gateway.Options{})
	got := post(h, "a,b")
	wantAnswer(t, got, 200, "A,B")
	if h := got.Header(); h.Get("X-Upper") != "yes" || strings.Count(h.Get("Server-Timing"), "size=2") != 1 {
		t.Errorf("header %v", h)
	}
	got = post(h, "bad")
	wantAnswer(t, got, 429, "BAD")
	if h := got.Header(); h.Get("Retry-After") != "3" || !strings.Contains(h.Get("Server-Timing"), "size=1") {
		t.Errorf("header %v", h)
	}
	if n := h.Stats()["/"].Submitted; n != 7 {
		t.Errorf("stats of another dispatcher: %d", n)
	}
	if err := h.Shutdown(context.Background()); err != nil || !d.closed {
		t.Errorf("Shutdown: %v, %t", err, d.closed)
	}
}

// What Join and Split need to know survives the way to another process.
func TestProtocolsWorkFarAway(t *testing.T) {
	for name, f := range map[string]conformance.Fixture{"kserve-v1": kserve(), "json-array": jsonArray(), "exec": execute()} {
		t.Run(name, func(t *testing.T) {
			conformance.RunFar(t, f, func(p gateway.Process) gateway.Dispatcher { return &far{t: t, process: p} })
		})
	}
}

// saying is a Dispatcher that always gives the same answer.
type saying struct {
	far
	outcomes []gateway.Outcome
	err      error
}

func (d *saying) Dispatch(context.Context, gateway.Key, []gateway.Item) ([]gateway.Outcome, error) {
	return d.outcomes, d.err
}

func TestDispatcherThatFails(t *testing.T) {
	for _, test := range []struct {
		d      saying
		status int
	}{
		{saying{err: batcher.ErrFull}, 429},
		{saying{err: batcher.ErrClosed}, 503},
		{saying{err: batcher.ErrTooHeavy}, 413},
		{saying{err: context.DeadlineExceeded}, 504},
		{saying{err: &batcher.PanicError{Value: "x"}}, 500},
		{saying{err: errTest}, 502},
		{saying{}, 502},
		{saying{outcomes: make([]gateway.Outcome, 2)}, 502},
		{saying{outcomes: make([]gateway.Outcome, 1)}, 200},
	} {
		h := newHandler(t, gateway.Route{Dispatcher: &test.d, Upstream: &upper{}}, gateway.Options{})
		if got := post(h, "a"); got.Code != test.status {
			t.Errorf("%v, %d outcomes: status %d, want %d", test.d.err, len(test.d.outcomes), got.Code, test.status)
		}
	}
}

// What has been read is a call, whatever its Dispatcher says: its body is not kept,
// and it may have been sent.
func TestDispatcherCannotPassCallsThrough(t *testing.T) {
	d := &saying{err: fmt.Errorf("no batch: %w", gateway.ErrNotMine)}
	wantAnswer(t, post(newHandler(t, gateway.Route{Dispatcher: d, Upstream: &passing{}}, gateway.Options{}), "a"), 502, "no batch")
	wrap := func(batcher.Func[gateway.Item, gateway.Outcome]) batcher.Func[gateway.Item, gateway.Outcome] {
		return func(context.Context, []gateway.Item) ([]gateway.Outcome, error) { return nil, gateway.ErrNotMine }
	}
	wantAnswer(t, post(newHandler(t, gateway.Route{Wrap: wrap, Upstream: &passing{}}, gateway.Options{}), "a"), 502, "not a call")
}

func TestProcessNeedsAnUpstream(t *testing.T) {
	for _, r := range []gateway.Route{{Protocol: words{}}, {Upstream: &upper{}}} {
		if _, err := r.Process(gateway.Observer{}); err == nil {
			t.Error("no error")
		}
	}
}
