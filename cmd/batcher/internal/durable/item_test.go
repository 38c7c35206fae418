package durable

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
	"github.com/gobatcher/batcher/gateway"
	"github.com/gobatcher/batcher/natsbatch"
)

func TestGroupsAreThoseOfEqualKeys(t *testing.T) {
	a := gateway.Key{Method: "POST", Path: "/a", Fields: "Authorization:x\n"}
	same, other := a, a
	other.Fields = "Authorization:y\n"
	if groupOf(a) != groupOf(same) || groupOf(a) == groupOf(other) {
		t.Errorf("groups are %s, %s and %s", groupOf(a), groupOf(same), groupOf(other))
	}
	same.Fields, other.Fields = "X-Tenant:caf\xe9\n", "X-Tenant:caf\xe8\n" // no UTF-8
	if groupOf(same) == groupOf(other) {
		t.Errorf("two tenants share the group %s", groupOf(same))
	}
	other = a
	if other.Alone = "once"; groupOf(a) == groupOf(other) {
		t.Error("a call that goes alone shares a group")
	}
	if n := len(groupOf(a)); n > 256 { // the most that natsbatch takes
		t.Errorf("a group's name has %d bytes", n)
	}
}

// What the queue says becomes what a caller is told.
func TestErrorsOfTheQueue(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{natsbatch.ErrFull, 429},
		{natsbatch.ErrClosed, 503},
		{natsbatch.ErrTooLarge, 413},
		{natsbatch.ErrExpired, 504},
		{natsbatch.ErrDead, 502},
		{&natsbatch.FuncError{Text: "no"}, 502},
	} {
		_, err := answered(7, answer{}, fmt.Errorf("wrapped: %w", c.err))
		var got *gateway.Error
		if !errors.As(err, &got) || got.Status != c.want {
			t.Errorf("%v becomes %v, want status %d", c.err, err, c.want)
		}
	}
	if _, err := answered(1000, answer{}, natsbatch.ErrTooLarge); err == nil || !strings.Contains(err.Error(), "the item's 1000 bytes") {
		t.Errorf("an item that is too large: %v", err)
	}
	early := fmt.Errorf("%w: too early", natsbatch.ErrExpired)
	if _, err := answered(7, answer{}, early); err == nil || !strings.Contains(err.Error(), early.Error()) {
		t.Errorf("a deadline that has passed too early: %v", err)
	}
	for _, left := range []error{context.Canceled, context.DeadlineExceeded} {
		if _, err := answered(7, answer{}, fmt.Errorf("%w: %w", natsbatch.ErrUnknownOutcome, left)); !errors.Is(err, left) {
			t.Errorf("the end of the caller's context becomes %v", err)
		}
	}
	other := errors.New("disk on fire")
	if _, err := answered(7, answer{}, other); !errors.Is(err, other) {
		t.Errorf("another error becomes %v", err)
	}
	if _, err := answered(7, answer{}, nil); err == nil {
		t.Error("an answer that says nothing is no error")
	}
	own := gateway.Errorf(418, "tea")
	if _, err := answered(7, answer{Error: own}, nil); err != error(own) {
		t.Errorf("the upstream's error becomes %v", err)
	}
}

// items gives requests of these weights, each of as many bytes.
func items(weights ...int) (reqs []request) {
	for _, w := range weights {
		reqs = append(reqs, request{Item: gateway.Item{Weight: w, Data: make([]byte, w)}})
	}
	return reqs
}

// sizes is a process that notes how many items each call has.
func sizes(calls *[]int) gateway.Process {
	return func(_ context.Context, _ gateway.Key, items []gateway.Item) ([]gateway.Outcome, error) {
		*calls = append(*calls, len(items))
		return make([]gateway.Outcome, len(items)), nil
	}
}

// The queue counts requests; weight and bytes are limits of the upstream call.
func TestBatchesAreCutByWeightAndBytes(t *testing.T) {
	for _, c := range []struct {
		p    processor
		want string
	}{
		{processor{}, "[5]"},
		{processor{weight: 10}, "[2 1 1 1]"},
		{processor{bytes: 12}, "[2 2 1]"},
		{processor{weight: 1}, "[1 1 1 1 1]"},
	} {
		var calls []int
		c.p.process = sizes(&calls)
		answers, err := c.p.run(t.Context(), "", items(5, 5, 8, 4, 8))
		if err != nil || len(answers) != 5 || fmt.Sprint(calls) != c.want {
			t.Errorf("%+v: calls of %v, %d answers, %v; want calls of %s", c.p, calls, len(answers), err, c.want)
		}
	}
}

// What an upstream call is told of its requests is of these, not of the whole batch: spans
// are linked to their callers by it, and isolation tells calls apart.
func TestPartsOfABatchAreToldOfTheirOwnRequests(t *testing.T) {
	type name struct{}
	info := batcher.Info{Size: 5, Trigger: batcher.TriggerSize}
	for i := range info.Size {
		info.Requests = append(info.Requests, context.WithValue(t.Context(), name{}, i))
	}
	var told []string
	p := processor{weight: 10, process: func(ctx context.Context, _ gateway.Key, items []gateway.Item) ([]gateway.Outcome, error) {
		info, _ := batcher.FromContext(ctx)
		var about strings.Builder
		about.WriteString(fmt.Sprint(info.Size, " by ", info.Trigger, ":"))
		for _, caller := range info.Requests {
			about.WriteString(fmt.Sprint(" ", caller.Value(name{})))
		}
		told = append(told, about.String())
		return make([]gateway.Outcome, len(items)), nil
	}}
	if _, err := p.run(batcher.WithInfo(t.Context(), info), "", items(5, 5, 8, 4, 8)); err != nil {
		t.Fatal(err)
	}
	if want := "[2 by size: 0 1 1 by size: 2 1 by size: 3 1 by size: 4]"; fmt.Sprint(told) != want {
		t.Errorf("told %v, want %s", told, want)
	}
}

// An upstream call lasts no longer than those wait who asked for it; the next
// one has its own time.
func TestCallsOfAWorkerAreTimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := processor{weight: 1, timeout: 10 * time.Minute, process: func(ctx context.Context, _ gateway.Key, _ []gateway.Item) ([]gateway.Outcome, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		start := time.Now()
		answers, err := p.run(t.Context(), "", items(1, 1))
		if err != nil || time.Since(start) != 20*time.Minute || answers[0].Error.Status != 504 || answers[1].Error.Status != 504 {
			t.Errorf("after %v: %+v, %v", time.Since(start), answers, err)
		}
	})
}

// A request that nobody waits for may take as long as the configuration says
// now, and 5 minutes in any case; then it is tried again.
func TestLaterIsTimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &Later{}
		hang := l.serve(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		for _, c := range []struct{ timeout, want time.Duration }{{time.Second, 5 * time.Minute}, {time.Hour, time.Hour + time.Second}} {
			l.Use(&config.Config{Routes: []config.Route{{Timeout: c.timeout}}})
			start := time.Now()
			if _, err := hang(t.Context(), []httpRequest{{Method: "GET", URI: "/"}}); !passing(err) || time.Since(start) != c.want {
				t.Errorf("a timeout of %v: %v after %v", c.timeout, err, time.Since(start))
			}
		}
	})
}

// Whatever a process returns, each request gets its own answer.
func TestAnswersOfAProcess(t *testing.T) {
	teapot := gateway.Errorf(418, "tea")
	for _, c := range []struct {
		name     string
		outcomes int
		err      error
		want     string // statuses; 0 is an outcome
	}{
		{"all well", 3, nil, "[0 0 0]"},
		{"one error for all", 0, teapot, "[418 418 418]"},
		{"no answer from the upstream", 0, errors.New("reset"), "[502 502 502]"},
		{"too late", 0, context.DeadlineExceeded, "[504 504 504]"},
		{"one of three", 3, batcher.Errors{nil, teapot, nil}, "[0 418 0]"},
		{"one of three, without outcomes", 0, batcher.Errors{nil, teapot, nil}, "[502 418 502]"},
		{"too few outcomes", 2, nil, "[502 502 502]"},
		{"errors for others", 3, batcher.Errors{nil}, "[502 502 502]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := processor{process: func(context.Context, gateway.Key, []gateway.Item) ([]gateway.Outcome, error) {
				return make([]gateway.Outcome, c.outcomes), c.err
			}}
			answers, err := p.run(t.Context(), "", items(1, 1, 1))
			if err != nil {
				t.Fatal(err)
			}
			statuses := make([]int, len(answers))
			for i, a := range answers {
				if (a.Error == nil) == (a.Outcome == nil) {
					t.Errorf("answer %d is %+v, want one of the two", i, a)
				}
				if a.Error != nil {
					statuses[i] = a.Error.Status
				}
			}
			if fmt.Sprint(statuses) != c.want {
				t.Errorf("got %v, want %s", statuses, c.want)
			}
		})
	}
}

// What a shutdown cuts off is not answered but goes back.
func TestCutOffRequestsGoBack(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := processor{process: func(context.Context, gateway.Key, []gateway.Item) ([]gateway.Outcome, error) {
		cancel()
		return nil, ctx.Err()
	}}
	_, err := p.run(ctx, "", items(1))
	var again *natsbatch.RetryError
	if !errors.As(err, &again) {
		t.Errorf("got %v, want one to be tried again", err)
	}
}

func TestEndpoints(t *testing.T) {
	if got := endpoint("a-B_1"); got != "a-B_1" {
		t.Errorf("got %q", got)
	}
	for _, name := range []string{"/", "POST /v1/embeddings", "ü", "a.b", "_later", "_probe"} {
		if got := endpoint(name); !plain.MatchString(got) || got == endpoint(name+"x") {
			t.Errorf("%q becomes %q", name, got)
		}
	}
}

// An upstream call takes what its limits allow, however heavy single items are.
func TestUpstreamCallsKeepToTheLimits(t *testing.T) {
	for _, c := range []struct {
		weight, bytes int
		weights       []int
		want          int
	}{
		{5, 0, []int{2, 3, 1}, 2},
		{5, 0, []int{6, 1}, 1},
		{5, 0, []int{1, math.MaxInt}, 1},
		{math.MaxInt, 0, []int{math.MaxInt, 1}, 1},
		{0, 0, []int{math.MaxInt, math.MaxInt, 1}, 3},
		{0, 5, []int{1, 1, 1}, 2},
		{0, 1, []int{1, 1}, 1},
	} {
		p := &processor{weight: c.weight, bytes: c.bytes}
		reqs := make([]request, len(c.weights))
		for i, weight := range c.weights {
			reqs[i].Item = gateway.Item{Weight: weight, Data: []byte("ab")}
		}
		if got := p.fit(reqs); got != c.want {
			t.Errorf("of weights %v, %d fit into %d and %d bytes, want %d", c.weights, got, c.weight, c.bytes, c.want)
		}
	}
}
