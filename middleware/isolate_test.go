package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/middleware"
)

// failing is a Func that fails as a whole if its batch holds a bad request.
func failing(seen *calls, bad ...int) batcher.Func[int, string] {
	return func(_ context.Context, reqs []int) ([]string, error) {
		seen.add(reqs)
		for _, req := range reqs {
			if slices.Contains(bad, req) {
				return nil, fmt.Errorf("request %d: %w", req, errBad)
			}
		}
		return answerAll(reqs), nil
	}
}

func upTo(n int) []int {
	reqs := make([]int, n)
	for i := range reqs {
		reqs[i] = i
	}
	return reqs
}

func TestIsolateHalvesUntilTheCulpritIsAlone(t *testing.T) {
	var seen calls
	reqs := upTo(6)
	got := run(t, middleware.Isolate(failing(&seen, 4), nil, 0), reqs...)
	wantAnswers(t, got, reqs, map[int]error{4: errBad})
	seen.want(t, []int{0, 1, 2, 3, 4, 5}, []int{0, 1, 2}, []int{3, 4, 5}, []int{3}, []int{4, 5}, []int{4}, []int{5})
}

func TestIsolateOfASuccessIsOneCall(t *testing.T) {
	var seen calls
	reqs := upTo(5)
	wantAnswers(t, run(t, middleware.Isolate(failing(&seen), nil, 0), reqs...), reqs, nil)
	seen.want(t, reqs)
}

func TestIsolateDefaultBudgetFindsOneCulpritAnywhere(t *testing.T) {
	for _, n := range []int{1, 2, 3, 7, 64, 65, 100} {
		for bad := range n {
			var seen calls
			reqs := upTo(n)
			got := run(t, middleware.Isolate(failing(&seen, bad), nil, 0), reqs...)
			wantAnswers(t, got, reqs, map[int]error{bad: errBad})
			if most := 2*bits.Len(uint(n-1)) + 2; len(seen.list()) > most {
				t.Errorf("culprit %d of %d: %d calls, want at most %d", bad, n, len(seen.list()), most)
			}
		}
	}
}

func TestIsolateDefaultBudgetBoundsManyCulprits(t *testing.T) {
	for n, want := range map[int]int{2: 3, 8: 1 + 7, 64: 1 + 13, 65: 1 + 15, 1000: 1 + 21} {
		var seen calls
		run(t, middleware.Isolate(failing(&seen, upTo(n)...), nil, 0), upTo(n)...)
		if got := len(seen.list()); got != want {
			t.Errorf("%d culprits: %d calls, want %d", n, got, want)
		}
	}
}

func TestIsolateSpendsItsBudgetOnTheLargestGroups(t *testing.T) {
	var seen calls
	got := run(t, middleware.Isolate(failing(&seen, 0, 4), nil, 3), upTo(8)...)
	seen.want(t, upTo(8), []int{0, 1, 2, 3}, []int{4, 5, 6, 7}, []int{0, 1})
	for i := range got {
		if !errors.Is(got[i].Err, errBad) {
			t.Errorf("request %d: %v, want the error of its last call", i, got[i].Err)
		}
	}
	if want := "request 4: bad"; got[7].Err.Error() != want {
		t.Errorf("request 7: %v, want %q, from the half that it was in", got[7].Err, want)
	}
}

func TestIsolateWithoutLimitIsolatesEverybody(t *testing.T) {
	var seen calls
	reqs := upTo(16)
	got := run(t, middleware.Isolate(failing(&seen, reqs...), nil, -1), reqs...)
	for i := range got {
		if want := fmt.Sprintf("request %d: bad", i); got[i].Err == nil || got[i].Err.Error() != want {
			t.Errorf("request %d: %v, want its own error", i, got[i].Err)
		}
	}
	if n := len(seen.list()); n != 1+2*16-2 {
		t.Errorf("%d calls, want 2n-2 after the first", n)
	}
}

func TestIsolateRepeatsOnlyWhatIsSurelyOver(t *testing.T) {
	for name, err := range map[string]error{
		"canceled":      fmt.Errorf("insert: %w", context.Canceled),
		"deadline":      fmt.Errorf("insert: %w", context.DeadlineExceeded),
		"net's timeout": fmt.Errorf("insert: %w", os.ErrDeadlineExceeded),
		"both":          fmt.Errorf("insert: %w: %w", noTimeout{}, context.DeadlineExceeded),
	} {
		t.Run(name, func(t *testing.T) {
			var seen calls
			fn := func(_ context.Context, reqs []int) ([]string, error) {
				seen.add(reqs)
				return nil, err
			}
			for i, got := range run(t, middleware.Isolate(fn, nil, 0), 1, 2, 3) {
				if got.Err == nil {
					t.Errorf("request %d: no error", i)
				}
			}
			seen.want(t, []int{1, 2, 3})
		})
	}
}

// noTimeout is an error that might have been a timeout, as those of package net.
type noTimeout struct{}

func (noTimeout) Error() string { return "refused" }
func (noTimeout) Timeout() bool { return false }

func TestIsolateRepeatsWhatIsNoTimeout(t *testing.T) {
	var seen calls
	run(t, middleware.Isolate(reply(&seen, noTimeout{}), nil, 0), 1, 2)
	seen.want(t, []int{1, 2}, []int{1}, []int{2})
}

func TestIsolateKeepsOneErrorForAllAsOne(t *testing.T) {
	var seen calls
	if _, err := middleware.Isolate(reply(&seen, errBad), no, 0)(t.Context(), []int{1, 2}); err != errBad {
		t.Errorf("got %#v, want Func's error", err)
	}
}

func TestIsolateAsksWhen(t *testing.T) {
	var seen, asked calls
	when := func(err error) bool {
		asked.add([]int{len(seen.list())})
		return len(seen.list()) == 1
	}
	got := run(t, middleware.Isolate(failing(&seen, 3), when, 0), upTo(4)...)
	wantAnswers(t, got, upTo(4), map[int]error{2: errBad, 3: errBad})
	seen.want(t, upTo(4), []int{0, 1}, []int{2, 3})
	asked.want(t, []int{1}, []int{3})
}

func TestIsolateCountsAPanicAsAnError(t *testing.T) {
	fn := func(_ context.Context, reqs []int) ([]string, error) {
		if slices.Contains(reqs, 2) {
			panic("no 2")
		}
		return answerAll(reqs), nil
	}
	got := run(t, middleware.Isolate(fn, nil, 0), upTo(4)...)
	wantAnswers(t, got[:2], upTo(2), nil)
	wantAnswers(t, got[3:], []int{3}, nil)
	var panicked *batcher.PanicError
	if !errors.As(got[2].Err, &panicked) || panicked.Value != "no 2" || len(panicked.Stack) == 0 {
		t.Errorf("request 2: %v, want a PanicError with value and stack", got[2].Err)
	}
}

// What was passed to panic belongs to the panic: it answers no request, and does
// not decide which run again.
func TestIsolateCountsAPanicOfNilAsAnError(t *testing.T) {
	for _, setting := range []string{"panicnil=0", "panicnil=1"} {
		t.Setenv("GODEBUG", setting)
		got := run(t, middleware.Isolate(func(_ context.Context, reqs []int) ([]string, error) {
			if slices.Contains(reqs, 2) {
				panic(nil)
			}
			return answerAll(reqs), nil
		}, nil, 0), 1, 2, 3)
		var panicked *batcher.PanicError
		if !errors.As(got[1].Err, &panicked) || got[0].Value != answer(1) || got[2].Value != answer(3) {
			t.Errorf("%s: %+v, want a PanicError for request 2 alone", setting, got)
		}
	}
}

func TestIsolateDoesNotLookIntoAPanic(t *testing.T) {
	for _, value := range []error{batcher.Errors{errBad, errBad}, middleware.Reject{0: errBad}, middleware.TooLarge{}} {
		var seen calls
		fn := func(_ context.Context, reqs []int) ([]string, error) {
			seen.add(reqs)
			panic(value)
		}
		for i, got := range run(t, middleware.Isolate(middleware.Timeout(fn, time.Hour), nil, 1), 1, 2) {
			var panicked *batcher.PanicError
			if !errors.As(got.Err, &panicked) {
				t.Errorf("panic with %T: request %d: %v, want a PanicError", value, i, got.Err)
			}
		}
		seen.want(t, []int{1, 2}, []int{1})
	}
}

func TestIsolateLeavesErrorsForEachAlone(t *testing.T) {
	var seen calls
	fn := func(_ context.Context, reqs []int) ([]string, error) {
		seen.add(reqs)
		return answerAll(reqs), fmt.Errorf("bulk: %w", batcher.Errors{nil, errBad, nil})
	}
	got := run(t, middleware.Isolate(fn, nil, 0), 1, 2, 3)
	wantAnswers(t, got, []int{1, 2, 3}, map[int]error{2: errBad})
	seen.want(t, []int{1, 2, 3})
}

func TestIsolateCallsOwnTheirRequests(t *testing.T) {
	fn := func(_ context.Context, reqs []int) (res []string, err error) {
		if slices.Contains(reqs, 3) {
			err = errBad
		}
		res = answerAll(reqs)
		_ = append(reqs, -1)
		clear(reqs)
		return res, err
	}
	got := run(t, middleware.Isolate(fn, nil, 0), upTo(5)...)
	wantAnswers(t, got, upTo(5), map[int]error{3: errBad})
}

func TestIsolateStopsWhenItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen calls
		fn := func(_ context.Context, reqs []int) ([]string, error) {
			seen.add(reqs)
			time.Sleep(time.Second)
			return nil, errBad
		}
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		_, err := middleware.Isolate(fn, nil, 0)(ctx, upTo(4))
		var each batcher.Errors
		if !errors.As(err, &each) || len(each) != 4 || slices.ContainsFunc(each, func(err error) bool { return err != errBad }) {
			t.Errorf("got %v, want each request's last error", err)
		}
		seen.want(t, upTo(4), []int{0, 1})
	})
}

func TestIsolateOfANilFuncPanics(t *testing.T) {
	wantPanic(t, "middleware: Isolate of a nil Func", func() { middleware.Isolate[int, int](nil, nil, 0) })
}

// vast is a request of which two weigh more than an int can say.
type vast struct{}

func (vast) Weight() int { return math.MaxInt - 1 }

func TestPartsWeighNoMoreThanAnIntHolds(t *testing.T) {
	var weights []int
	fn := middleware.Isolate(func(ctx context.Context, reqs []vast) ([]int, error) {
		info, _ := batcher.FromContext(ctx)
		weights = append(weights, info.Weight)
		return nil, errBad
	}, nil, 3)
	batch := batcher.NewBatch(fn, batcher.BatchOptions{})
	for range 4 {
		_, _ = batch.Add(t.Context(), vast{})
	}
	_ = batch.Start()
	_, _ = batch.Results(t.Context())
	if want := []int{math.MaxInt, math.MaxInt, math.MaxInt, math.MaxInt - 1}; !slices.Equal(weights, want) {
		t.Errorf("calls of weight %d, want %d", weights, want)
	}
}

// light is a request whose weight may be negative, which counts as zero.
type light int

func (l light) Weight() int { return int(l) }

func TestPartsWeighWhatTheBatcherCounts(t *testing.T) {
	var weights []int
	fn := middleware.Isolate(func(ctx context.Context, reqs []light) ([]int, error) {
		info, _ := batcher.FromContext(ctx)
		weights = append(weights, info.Weight)
		return nil, errBad
	}, nil, 2)
	batch := batcher.NewBatch(fn, batcher.BatchOptions{})
	for _, weight := range []light{-5, 3, 4, -1} {
		_, _ = batch.Add(t.Context(), weight)
	}
	_ = batch.Start()
	_, _ = batch.Results(t.Context())
	if want := []int{7, 3, 4}; !slices.Equal(weights, want) {
		t.Errorf("calls of weight %d, want %d", weights, want)
	}
}

// As in a test of a Func, which need not say what it does not look at.
func TestAnInfoThatIsNotAlignedIsPassedOn(t *testing.T) {
	info := batcher.Info{Trigger: batcher.TriggerDelay, Requests: []context.Context{t.Context()}}
	fn := middleware.Isolate(func(ctx context.Context, reqs []int) ([]string, error) {
		if got, ok := batcher.FromContext(ctx); !ok || got.Trigger != info.Trigger || len(got.Requests) != 1 {
			t.Errorf("got %+v, %t", got, ok)
		}
		if len(reqs) > 1 {
			return nil, errBad
		}
		return answerAll(reqs), nil
	}, nil, -1)
	res, err := fn(batcher.WithInfo(t.Context(), info), upTo(3))
	if !slices.Equal(res, answerAll(upTo(3))) || err != nil {
		t.Errorf("got %q, %v", res, err)
	}
}
