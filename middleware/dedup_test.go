package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/middleware"
)

func same(req int) int { return req }

func TestDedupPassesEqualRequestsOnce(t *testing.T) {
	var seen calls
	reqs := []int{4, 2, 4, 4, 1, 2}
	wantAnswers(t, run(t, middleware.Dedup(failing(&seen), same), reqs...), reqs, nil)
	seen.want(t, []int{4, 2, 1})
}

func TestDedupAsksKeyWhatIsEqual(t *testing.T) {
	var seen calls
	got := run(t, middleware.Dedup(failing(&seen), func(req int) int { return req % 10 }), 21, 1, 2)
	seen.want(t, []int{21, 2})
	wantAnswers(t, got, []int{21, 21, 2}, nil)
}

func TestDedupMergesNothingAcrossBatches(t *testing.T) {
	var seen calls
	fn := middleware.Dedup(failing(&seen), same)
	run(t, fn, 1, 1)
	run(t, fn, 1, 2)
	seen.want(t, []int{1}, []int{1, 2})
}

func TestDedupGivesAllCallersTheErrorOfTheirRequest(t *testing.T) {
	fn := func(_ context.Context, reqs []int) ([]string, error) {
		return answerAll(reqs), fmt.Errorf("bulk: %w", batcher.Errors{nil, errBad})
	}
	reqs := []int{1, 2, 2, 1}
	wantAnswers(t, run(t, middleware.Dedup(fn, same), reqs...), reqs, map[int]error{2: errBad})
}

func TestDedupPassesOneErrorForAllOn(t *testing.T) {
	var seen calls
	_, err := middleware.Dedup(reply(&seen, errBad), same)(t.Context(), []int{1, 1})
	if err != errBad {
		t.Errorf("got %v, want Func's error", err)
	}
}

// Four requests with two keys: an answer for each of the four, and not for
// each of the two, must not pass for one.
func TestDedupCountsByWhatItPassedOn(t *testing.T) {
	for name, fn := range map[string]batcher.Func[int, string]{
		"results": func(context.Context, []int) ([]string, error) { return make([]string, 4), nil },
		"errors":  func(context.Context, []int) ([]string, error) { return nil, make(batcher.Errors, 4) },
		"some": func(context.Context, []int) ([]string, error) {
			return make([]string, 4), batcher.Errors{nil, batcher.ErrResultCount}
		},
	} {
		t.Run(name, func(t *testing.T) {
			for i, got := range run(t, middleware.Dedup(fn, same), 1, 2, 1, 2) {
				if !errors.Is(got.Err, batcher.ErrResultCount) {
					t.Errorf("request %d: %v, want ErrResultCount", i, got.Err)
				}
			}
		})
	}
}

func TestDedupRejectsAllWhoAskedForTheCulprit(t *testing.T) {
	var seen calls
	reqs := []int{1, 2, 2, 3, 1}
	got := run(t, middleware.Isolate(middleware.Dedup(rejecting(&seen, 2), same), no, 0), reqs...)
	wantAnswers(t, got, reqs, map[int]error{2: errBad})
	seen.want(t, []int{1, 2, 3}, []int{1, 3})
}

func TestDedupNamesAllWhoAskedInABareReject(t *testing.T) {
	var seen calls
	_, err := middleware.Dedup(reply(&seen, middleware.Reject{1: errBad}), same)(t.Context(), []int{1, 2, 1, 2})
	if reject, bare := err.(middleware.Reject); !bare || !maps.Equal(reject, middleware.Reject{1: errBad, 3: errBad}) {
		t.Errorf("got %#v, want a Reject that names requests 1 and 3", err)
	}
}

// What wraps a Reject is kept, as it is without equal requests: a Retry outside
// may look for it, and an Isolate for the Reject.
func TestDedupKeepsWhatWrapsAReject(t *testing.T) {
	errBusy := errors.New("busy")
	for _, reqs := range [][]int{{1, 2}, {1, 2, 2, 1}} {
		var seen calls
		fn := middleware.Dedup(func(_ context.Context, reqs []int) ([]string, error) {
			if seen.add(reqs); len(reqs) > 1 {
				return nil, fmt.Errorf("%w: %w", errBusy, middleware.Reject{1: errBad})
			}
			return answerAll(reqs), nil
		}, same)
		_, err := fn(t.Context(), reqs)
		if !errors.Is(err, errBusy) || !isReject(err) || errors.Is(err, errBad) {
			t.Errorf("%v: got %v, want a Reject that is busy", reqs, err)
		}
		wantAnswers(t, run(t, middleware.Isolate(fn, no, 0), reqs...), reqs, map[int]error{2: errBad})
		seen.want(t, []int{1, 2}, []int{1, 2}, []int{1})
	}
}

func TestDedupAsksKeyOnceForEachRequest(t *testing.T) {
	var seen, asked calls
	key := func(req int) int {
		asked.add([]int{req})
		return req
	}
	run(t, middleware.Dedup(failing(&seen), key), 1, 2, 1)
	asked.want(t, []int{1}, []int{2}, []int{1})
}

// The batch fails as one, and Func is not called.
func TestDedupOfAKeyThatIsNone(t *testing.T) {
	for name, key := range map[string]func(int) any{
		"it panics":           func(int) any { panic(errBad) },
		"it cannot be hashed": func(req int) any { return []int{req} },
	} {
		var seen calls
		for i, got := range run(t, middleware.Dedup(failing(&seen), key), 1, 2) {
			var panicked *batcher.PanicError
			if !errors.As(got.Err, &panicked) {
				t.Errorf("%s: request %d: %v, want a PanicError", name, i, got.Err)
			}
		}
		seen.want(t)
	}
}

func TestDedupNeedsAFuncAndAKey(t *testing.T) {
	var seen calls
	wantPanic(t, "middleware: Dedup of a nil Func", func() { middleware.Dedup[int, int](nil, same) })
	wantPanic(t, "middleware: Dedup with a nil key", func() { middleware.Dedup[int, string, int](failing(&seen), nil) })
}
