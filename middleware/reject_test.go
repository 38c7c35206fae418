package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/middleware"
)

// no repeats nothing, so that what runs again does for another reason.
func no(error) bool { return false }

// rejecting is a Func that names the bad requests of its batch.
func rejecting(seen *calls, bad ...int) batcher.Func[int, string] {
	return func(_ context.Context, reqs []int) ([]string, error) {
		seen.add(reqs)
		reject := middleware.Reject{}
		for i, req := range reqs {
			if slices.Contains(bad, req) {
				reject[i] = errBad
			}
		}
		if len(reject) > 0 {
			return nil, fmt.Errorf("insert: %w", reject)
		}
		return answerAll(reqs), nil
	}
}

// reply is a Func that fails with err.
func reply(seen *calls, err error) batcher.Func[int, string] {
	return func(_ context.Context, reqs []int) ([]string, error) {
		seen.add(reqs)
		return nil, err
	}
}

func TestRejectFailsTheCulpritsAndRunsTheRestOnce(t *testing.T) {
	var seen calls
	got := run(t, middleware.Isolate(rejecting(&seen, 1, 4), no, 0), upTo(6)...)
	wantAnswers(t, got, upTo(6), map[int]error{1: errBad, 4: errBad})
	seen.want(t, upTo(6), []int{0, 2, 3, 5})
}

func TestRejectOfAllRunsNothingAgain(t *testing.T) {
	for _, reqs := range [][]int{{7, 8}, {7}} {
		var seen calls
		got := run(t, middleware.Isolate(rejecting(&seen, 7, 8), nil, 0), reqs...)
		wantAnswers(t, got, reqs, map[int]error{7: errBad, 8: errBad})
		seen.want(t, reqs)
	}
}

// A database that names the first culprit only is asked again, with indices
// that count in the smaller batch.
func TestRejectOfTheRestGoesOnWithinTheBudget(t *testing.T) {
	firstOf := func(seen *calls, bad ...int) batcher.Func[int, string] {
		return func(_ context.Context, reqs []int) ([]string, error) {
			seen.add(reqs)
			if i := slices.IndexFunc(reqs, func(req int) bool { return slices.Contains(bad, req) }); i >= 0 {
				return nil, middleware.Reject{i: errBad}
			}
			return answerAll(reqs), nil
		}
	}
	var seen calls
	got := run(t, middleware.Isolate(firstOf(&seen, 1, 3), no, 0), upTo(5)...)
	wantAnswers(t, got, upTo(5), map[int]error{1: errBad, 3: errBad})
	seen.want(t, upTo(5), []int{0, 2, 3, 4}, []int{0, 2, 4})

	var short calls
	got = run(t, middleware.Isolate(firstOf(&short, 1, 3), no, 1), upTo(5)...)
	wantAnswers(t, got[1:2], []int{1}, map[int]error{1: errBad})
	wantAnswers(t, got[3:4], []int{3}, map[int]error{3: errBad})
	for _, i := range []int{0, 2, 4} {
		if errors.Is(got[i].Err, errBad) || !isReject(got[i].Err) {
			t.Errorf("request %d: %v, want the Reject and not a culprit's error", i, got[i].Err)
		}
	}
	short.want(t, upTo(5), []int{0, 2, 3, 4})
}

func isReject(err error) bool {
	var reject middleware.Reject
	return errors.As(err, &reject)
}

func TestRejectWithANilErrorStillRejects(t *testing.T) {
	for _, reqs := range [][]int{{1}, {1, 2}} {
		fn := func(_ context.Context, reqs []int) ([]string, error) {
			if reqs[0] == 1 {
				return nil, middleware.Reject{0: nil}
			}
			return answerAll(reqs), nil
		}
		got := run(t, middleware.Isolate(fn, no, 0), reqs...)
		if !isReject(got[0].Err) {
			t.Errorf("request 1 of %d: %v, want the Reject", len(reqs), got[0].Err)
		}
		wantAnswers(t, got[1:], reqs[1:], nil)
	}
}

func TestRejectOutsideTheBatchIsAWrongCount(t *testing.T) {
	for _, i := range []int{-1, 3} {
		var seen calls
		got := run(t, middleware.Isolate(reply(&seen, middleware.Reject{i: errBad}), no, 0), 1, 2, 3)
		wantAnswers(t, got, []int{1, 2, 3}, map[int]error{1: batcher.ErrResultCount, 2: batcher.ErrResultCount, 3: batcher.ErrResultCount})
		seen.want(t, []int{1, 2, 3})
		if want := fmt.Sprintf("request %d of 3", i); !strings.Contains(got[0].Err.Error(), want) {
			t.Errorf("got %q, want it to say %q", got[0].Err, want)
		}
	}
}

func TestRejectOfAllTheRestLeavesNothingToRun(t *testing.T) {
	var seen calls
	fn := func(_ context.Context, reqs []int) ([]string, error) {
		if seen.add(reqs); len(reqs) == 3 {
			return nil, middleware.Reject{0: errBad}
		}
		return nil, middleware.Reject{0: errBad, 1: errBad}
	}
	got := run(t, middleware.Isolate(fn, no, 0), 1, 2, 3)
	wantAnswers(t, got, []int{1, 2, 3}, map[int]error{1: errBad, 2: errBad, 3: errBad})
	seen.want(t, []int{1, 2, 3}, []int{2, 3})
}

func TestRejectOfNobodyIsAnErrorLikeAnyOther(t *testing.T) {
	var seen calls
	for i, got := range run(t, middleware.Isolate(reply(&seen, middleware.Reject{}), nil, 0), 1, 2) {
		if !isReject(got.Err) {
			t.Errorf("request %d: %v, want the Reject", i, got.Err)
		}
	}
	seen.want(t, []int{1, 2}, []int{1}, []int{2})
}

func TestTooLargeIsHalvedWhateverWhenAndBudgetSay(t *testing.T) {
	var seen calls
	fn := func(_ context.Context, reqs []int) ([]string, error) {
		seen.add(reqs)
		if len(reqs) > 2 {
			return nil, fmt.Errorf("insert: %w", middleware.TooLarge{Err: errBad})
		}
		return answerAll(reqs), nil
	}
	got := run(t, middleware.Isolate(fn, no, 1), upTo(7)...)
	wantAnswers(t, got, upTo(7), nil)
	seen.want(t, upTo(7), []int{0, 1, 2}, []int{3, 4, 5, 6}, []int{0}, []int{1, 2}, []int{3, 4}, []int{5, 6})
}

// Halves after an error come first in line, and there is no call left for them.
func TestTooLargeIsHalvedWhereTheBudgetHasRunOut(t *testing.T) {
	var seen calls
	fn := func(_ context.Context, reqs []int) ([]string, error) {
		seen.add(reqs)
		switch {
		case len(reqs) > 2 || reqs[0] == 0:
			return nil, errBad
		case len(reqs) == 2:
			return nil, middleware.TooLarge{}
		}
		return answerAll(reqs), nil
	}
	got := run(t, middleware.Isolate(fn, nil, 2), upTo(4)...)
	wantAnswers(t, got, upTo(4), map[int]error{0: errBad, 1: errBad})
	seen.want(t, upTo(4), []int{0, 1}, []int{2, 3}, []int{2}, []int{3})
}

func TestTooLargeAloneFails(t *testing.T) {
	var seen calls
	got := run(t, middleware.Isolate(reply(&seen, middleware.TooLarge{Err: errBad}), nil, 0), 1)
	var large middleware.TooLarge
	if !errors.As(got[0].Err, &large) || !errors.Is(got[0].Err, errBad) {
		t.Errorf("got %v, want a TooLarge with its cause", got[0].Err)
	}
	seen.want(t, []int{1})
}

func TestRejectAndTooLargeSayWhy(t *testing.T) {
	for want, err := range map[string]error{
		"middleware: Func rejected a batch for 2 of its requests, the first, 1, with: bad": middleware.Reject{4: errors.New("worse"), 1: errBad},
		"middleware: Func rejected a batch and named no request":                           middleware.Reject{},
		"middleware: batch too large":                                                      middleware.TooLarge{},
		"middleware: batch too large: bad":                                                 middleware.TooLarge{Err: errBad},
	} {
		if err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	}
}
