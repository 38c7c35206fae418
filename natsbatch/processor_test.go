package natsbatch_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/middleware"
	"github.com/gobatcher/batcher/natsbatch"
)

type groupFunc = func(context.Context, string, []int) ([]int, error)

func double(_ context.Context, _ string, reqs []int) ([]int, error) {
	res := make([]int, len(reqs))
	for i, r := range reqs {
		res[i] = 2 * r
	}
	return res, nil
}

var errUpstream = errors.New("upstream says no")

func TestEachRequestGetsItsOwnVerdict(t *testing.T) {
	for name, c := range map[string]struct {
		fn   groupFunc
		opts natsbatch.WorkerOptions
		want []natsbatch.Verdict // for requests 1, 2, "x"
	}{
		"results": {fn: double, want: []natsbatch.Verdict{{Fate: "answered", Data: "2"}, {Fate: "answered", Data: "4"}}},
		"one error for all": {
			fn:   func(context.Context, string, []int) ([]int, error) { return nil, errUpstream },
			want: []natsbatch.Verdict{{Fate: "answered", Data: "upstream says no"}, {Fate: "answered", Data: "upstream says no"}},
		},
		"errors": {
			fn: func(_ context.Context, _ string, reqs []int) ([]int, error) {
				return reqs, batcher.Errors{natsbatch.Retry(errUpstream), nil}
			},
			want: []natsbatch.Verdict{{Fate: "retried", Data: "upstream says no"}, {Fate: "answered", Data: "2"}},
		},
		"an error to be tried again that consists of others'": {
			fn: func(context.Context, string, []int) ([]int, error) {
				return nil, fmt.Errorf("bulk: %w", natsbatch.Retry(fmt.Errorf("upstream: %w", batcher.Errors{errUpstream})))
			},
			want: []natsbatch.Verdict{
				{Fate: "retried", Data: "bulk: upstream: batcher: 1 of 1 requests failed, the first with: upstream says no"},
				{Fate: "retried", Data: "bulk: upstream: batcher: 1 of 1 requests failed, the first with: upstream says no"}},
		},
		"nothing but to be tried again": {
			fn:   func(context.Context, string, []int) ([]int, error) { return nil, &natsbatch.RetryError{} },
			want: []natsbatch.Verdict{{Fate: "retried", Data: "natsbatch: to be tried again"}, {Fate: "retried", Data: "natsbatch: to be tried again"}},
		},
		"to be tried again as if it had not run": {
			fn: func(_ context.Context, _ string, reqs []int) ([]int, error) {
				return reqs, batcher.Errors{&natsbatch.RetryError{Err: errUpstream, Uncounted: true}, natsbatch.Retry(errUpstream)}
			},
			want: []natsbatch.Verdict{{Fate: "postponed", Data: "upstream says no"}, {Fate: "retried", Data: "upstream says no"}},
		},
		"retryable": {
			fn:   func(context.Context, string, []int) ([]int, error) { return nil, fmt.Errorf("bulk: %w", errUpstream) },
			opts: natsbatch.WorkerOptions{Retryable: func(err error) bool { return errors.Is(err, errUpstream) }},
			want: []natsbatch.Verdict{{Fate: "retried", Data: "bulk: upstream says no"}, {Fate: "retried", Data: "bulk: upstream says no"}},
		},
		"too few results": {
			fn: func(_ context.Context, _ string, reqs []int) ([]int, error) { return reqs[1:], nil },
			want: []natsbatch.Verdict{
				{Fate: "answered", Data: "batcher: wrong number of results: Func returned 1 results for 2 requests"},
				{Fate: "answered", Data: "batcher: wrong number of results: Func returned 1 results for 2 requests"}},
		},
		"too many errors": {
			fn: func(_ context.Context, _ string, reqs []int) ([]int, error) { return reqs, make(batcher.Errors, 3) },
			want: []natsbatch.Verdict{
				{Fate: "answered", Data: "batcher: wrong number of results: Func returned 3 errors for 2 requests"},
				{Fate: "answered", Data: "batcher: wrong number of results: Func returned 3 errors for 2 requests"}},
		},
		"errors without results": {
			fn: func(context.Context, string, []int) ([]int, error) { return nil, batcher.Errors{errUpstream, nil} },
			want: []natsbatch.Verdict{{Fate: "answered", Data: "upstream says no"},
				{Fate: "answered", Data: "batcher: wrong number of results: Func returned 0 results for 2 requests"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := natsbatch.Process(t.Context(), c.fn, c.opts, 1000, "1", "2", `"x"`)
			for i, want := range c.want {
				if got[i] != want {
					t.Errorf("request %d: got %+v, want %+v", i, got[i], want)
				}
			}
			if bad := got[2]; bad.Fate != "answered" || !strings.Contains(bad.Data, "decode the request") {
				t.Errorf("a request that is no number: %+v", bad)
			}
		})
	}
}

func TestARunThatEndsAsItMustNotIsACrash(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	for name, c := range map[string]struct {
		fn   groupFunc
		want string
	}{
		"panic":  {func(context.Context, string, []int) ([]int, error) { panic("boom") }, "Func panicked: boom"},
		"goexit": {func(context.Context, string, []int) ([]int, error) { runtime.Goexit(); return nil, nil }, "Func called runtime.Goexit"},
		"hang":   {func(context.Context, string, []int) ([]int, error) { <-release; return nil, nil }, "Func took longer than 50ms"},
		"late": {func(ctx context.Context, _ string, _ []int) ([]int, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, "Func took longer than 50ms"},
	} {
		t.Run(name, func(t *testing.T) {
			for i, v := range natsbatch.Process(t.Context(), c.fn, natsbatch.WorkerOptions{Timeout: 50 * time.Millisecond}, 1000, "1", "2") {
				if v.Fate != "crashed" || !strings.HasPrefix(v.Data, c.want) {
					t.Errorf("request %d: %+v, want crashed: %s", i, v, c.want)
				}
			}
		})
	}
}

// touchy is a request and a result that panics on its way through JSON, or
// ends the goroutine.
type touchy string

func (v touchy) MarshalJSON() ([]byte, error) {
	if v == "panic" {
		panic("boom")
	}
	return []byte(`"` + v + `"`), nil
}

func (v *touchy) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case `"early"`:
		panic("boom")
	case `"exit"`:
		runtime.Goexit()
	}
	*v = touchy(strings.Trim(string(data), `"`))
	return nil
}

// touchyError panics in all its methods where it is nil.
type touchyError struct{ text string }

func (e *touchyError) Error() string { return e.text }

func TestAPanicOutsideFuncIsACrashOfItsRequestAlone(t *testing.T) {
	fn := func(_ context.Context, _ string, reqs []touchy) ([]touchy, error) {
		errs := make(batcher.Errors, len(reqs))
		for i, r := range reqs {
			if r == "nil" {
				var none *touchyError
				errs[i] = none
			}
		}
		return reqs, errs
	}
	got := natsbatch.Process(t.Context(), fn, natsbatch.WorkerOptions{}, 1000, `"a"`, `"early"`, `"panic"`, `"nil"`, `"b"`)
	for i, want := range []string{"", "to decode the request panicked: boom", "to encode the result panicked: boom", "to read the error of Func panicked: ", ""} {
		switch {
		case want == "" && got[i].Fate != "answered":
			t.Errorf("request %d: %+v", i, got[i])
		case want != "" && (got[i].Fate != "crashed" || !strings.HasPrefix(got[i].Data, want)):
			t.Errorf("request %d: %+v, want crashed: %s", i, got[i], want)
		}
	}
}

func TestErrorsOfFuncMayPanic(t *testing.T) {
	nobody := func(error) bool { panic("boom") }
	fn := func(context.Context, string, []int) ([]int, error) { return nil, errUpstream }
	for i, v := range natsbatch.Process(t.Context(), fn, natsbatch.WorkerOptions{Retryable: nobody}, 1000, "1", "2") {
		if v.Fate != "crashed" || !strings.HasPrefix(v.Data, "to read the error of Func panicked: boom") {
			t.Errorf("request %d: %+v", i, v)
		}
	}
}

// As in a Batcher: what was passed to panic is not what Func says of each request.
func TestAPanicThatAWrapperCaughtIsOneError(t *testing.T) {
	fn := middleware.Retry(func(context.Context, []int) ([]int, error) { panic(batcher.Errors{nil, errUpstream}) }, nil, 2, nil)
	run := func(ctx context.Context, _ string, reqs []int) ([]int, error) { return fn(ctx, reqs) }
	for i, v := range natsbatch.Process(t.Context(), run, natsbatch.WorkerOptions{}, 1000, "1", "2") {
		if v.Fate != "answered" || !strings.HasPrefix(v.Data, "batcher: Func panicked: ") {
			t.Errorf("request %d: %+v, want the panic", i, v)
		}
	}
}

func TestPausesAreNeitherNegativeNorEndless(t *testing.T) {
	for _, c := range []struct{ backoff, after, least, most time.Duration }{
		{-time.Second, -time.Second, 0, 0},
		{-time.Second, time.Second, time.Second, 1500 * time.Millisecond},
		{time.Second, 0, time.Second, 1500 * time.Millisecond},
		{1<<63 - 1, 1<<63 - 1, 24 * time.Hour, 2 * 365 * 24 * time.Hour},
	} {
		opts := natsbatch.WorkerOptions{Backoff: func(int) time.Duration { return c.backoff }}
		if got := natsbatch.Delay(opts, 1, c.after); got < c.least || got > c.most {
			t.Errorf("Backoff %v, After %v: %v, want %v to %v", c.backoff, c.after, got, c.least, c.most)
		}
	}
}

func TestABackoffMayPanic(t *testing.T) {
	opts := natsbatch.WorkerOptions{Backoff: func(int) time.Duration { panic("boom") }}
	if got := natsbatch.Delay(opts, 2, 0); got < 200*time.Millisecond || got > 300*time.Millisecond {
		t.Errorf("got %v, want the default's 200ms to 300ms", got)
	}
}

// A Func whose context ends for another reason is waited for.
func TestWithoutATimeoutFuncHasItsTime(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, timeout := range []time.Duration{-1, time.Hour} {
		for i, v := range natsbatch.Process(ctx, double, natsbatch.WorkerOptions{Timeout: timeout}, 1000, "1", "2") {
			if v.Fate != "answered" || v.Data != fmt.Sprint(2*(i+1)) {
				t.Errorf("request %d: %+v", i, v)
			}
		}
	}
}

func TestResultsHaveALimit(t *testing.T) {
	long := func(_ context.Context, _ string, reqs []int) ([]string, error) {
		return []string{"short", strings.Repeat("x", 100)}, nil
	}
	if got := natsbatch.Process(t.Context(), long, natsbatch.WorkerOptions{}, 102, "1", "2"); len(got[1].Data) != 102 {
		t.Errorf("a result that just fits: %+v", got[1])
	}
	got := natsbatch.Process(t.Context(), long, natsbatch.WorkerOptions{}, 50, "1", "2")
	if got[0] != (natsbatch.Verdict{Fate: "answered", Data: `"short"`}) {
		t.Errorf("a short result: %+v", got[0])
	}
	if want := "the result has 102 bytes, the limit is 50"; got[1].Fate != "answered" || got[1].Data != want {
		t.Errorf("a long result: %+v, want %s", got[1], want)
	}
}

func TestAResultThatCannotBeEncodedFailsAlone(t *testing.T) {
	fn := func(context.Context, string, []int) ([]any, error) { return []any{1, func() {}}, nil }
	got := natsbatch.Process(t.Context(), fn, natsbatch.WorkerOptions{}, 50, "1", "2")
	if got[0].Data != "1" || got[1].Fate != "answered" || !strings.Contains(got[1].Data, "encode the result") {
		t.Errorf("got %+v", got)
	}
}

func TestFuncSeesWhatItRuns(t *testing.T) {
	fn := func(ctx context.Context, _ string, reqs []int) ([]int, error) {
		info, ok := batcher.FromContext(ctx)
		metas := natsbatch.Metas(ctx)
		if !ok || info.Size != 2 || len(info.Requests) != 2 || info.Weight == 0 || len(metas) != 2 {
			t.Errorf("Info %+v, Metas %+v", info, metas)
			return nil, errUpstream
		}
		for i, want := range []string{"fe.1.0", "fe.1.2"} {
			if metas[i].ID != want {
				t.Errorf("request %d: id %q, want %q", i, metas[i].ID, want)
			}
		}
		return reqs, nil
	}
	got := natsbatch.Process(t.Context(), fn, natsbatch.WorkerOptions{}, 1000, "1", `"x"`, "2")
	if want := (natsbatch.Verdict{Fate: "answered", Data: "2"}); got[2] != want {
		t.Errorf("got %+v, want %+v", got[2], want)
	}
	if natsbatch.Metas(t.Context()) != nil {
		t.Error("Metas of a context that is not a Func's")
	}
}
