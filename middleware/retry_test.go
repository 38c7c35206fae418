package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/middleware"
)

// flaky is a Func that fails each request one by one for as many calls as
// fails says.
func flaky(seen *calls, fails map[int]int) batcher.Func[int, string] {
	return func(_ context.Context, reqs []int) ([]string, error) {
		seen.add(reqs)
		each := make(batcher.Errors, len(reqs))
		for i, req := range reqs {
			if fails[req] > 0 {
				fails[req]--
				each[i] = errBad
			}
		}
		return answerAll(reqs), fmt.Errorf("bulk: %w", each)
	}
}

// every waits the same time before each try.
func every(d time.Duration) func() func() time.Duration {
	return func() func() time.Duration { return func() time.Duration { return d } }
}

func TestRetryRunsTheFailedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var seen calls
		got := run(t, middleware.Retry(flaky(&seen, map[int]int{1: 1, 3: 2}), nil, 3, every(time.Second)), upTo(5)...)
		wantAnswers(t, got, upTo(5), nil)
		seen.want(t, upTo(5), []int{1, 3}, []int{3})
		if d := time.Since(start); d != 2*time.Second {
			t.Errorf("took %v, want two waits of 1s", d)
		}
	})
}

// An Errors without an error in it is a success too.
func TestRetryOfASuccessIsOneCall(t *testing.T) {
	for name, f := range map[string]func(*calls) batcher.Func[int, string]{
		"no error":       func(seen *calls) batcher.Func[int, string] { return failing(seen) },
		"Errors of nils": func(seen *calls) batcher.Func[int, string] { return flaky(seen, nil) },
	} {
		var seen calls
		fn := middleware.Retry(f(&seen), nil, 3, func() func() time.Duration { panic(name + ": no back-off is needed") })
		wantAnswers(t, run(t, fn, 1, 2), []int{1, 2}, nil)
		seen.want(t, []int{1, 2})
	}
}

func TestRetryOfOneErrorForAllRunsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen calls
		fn := func(_ context.Context, reqs []int) ([]string, error) {
			if seen.add(reqs); len(seen.list()) < 3 {
				return nil, errBad
			}
			return answerAll(reqs), nil
		}
		wantAnswers(t, run(t, middleware.Retry(fn, nil, 3, every(time.Second)), 1, 2), []int{1, 2}, nil)
		seen.want(t, []int{1, 2}, []int{1, 2}, []int{1, 2})
	})
}

func TestRetryEndsWithItsTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for tries, want := range map[int]int{0: 3, 1: 1, 2: 2, 5: 5} {
			var seen calls
			got := run(t, middleware.Retry(failing(&seen, 1), nil, tries, every(time.Second)), 1, 2)
			wantAnswers(t, got, []int{1, 2}, map[int]error{1: errBad, 2: errBad})
			if n := len(seen.list()); n != want {
				t.Errorf("tries %d: %d calls, want %d", tries, n, want)
			}
		}
	})
}

func TestRetryWithoutLimitEndsWithTheBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left := 7
		waits := func() func() time.Duration {
			return func() time.Duration {
				if left--; left < 0 {
					return -1
				}
				return time.Second
			}
		}
		var seen calls
		got := run(t, middleware.Retry(failing(&seen, 1), nil, -1, waits), 1)
		wantAnswers(t, got, []int{1}, map[int]error{1: errBad})
		if n := len(seen.list()); n != 8 {
			t.Errorf("%d calls, want the first and seven more", n)
		}
	})
}

func TestRetryDefaultWaitsDouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var at []time.Duration
		fn := func(context.Context, []int) ([]string, error) {
			at = append(at, time.Since(start))
			return nil, errBad
		}
		run(t, middleware.Retry(fn, nil, 10, nil), 1)
		var waits []time.Duration
		for i := range len(at) - 1 {
			waits = append(waits, (at[i+1]-at[i])/time.Millisecond)
		}
		if want := []time.Duration{100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000}; !slices.Equal(waits, want) {
			t.Errorf("waits of %d ms, want %d", waits, want)
		}
	})
}

func TestRetryGivesEachBatchItsOwnBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made := 0
		waits := func() func() time.Duration {
			made++
			return every(time.Second)()
		}
		var seen calls
		fn := middleware.Retry(failing(&seen, 1), nil, 3, waits)
		run(t, fn, 1)
		run(t, fn, 2)
		run(t, fn, 1)
		if made != 2 {
			t.Errorf("%d back-offs for two batches that failed, want 2", made)
		}
	})
}

func TestRetryByDefaultRepeatsNoLostCause(t *testing.T) {
	for name, fn := range map[string]batcher.Func[int, string]{
		"canceled": func(context.Context, []int) ([]string, error) { return nil, context.Canceled },
		"timeout":  func(context.Context, []int) ([]string, error) { return nil, context.DeadlineExceeded },
		"panic":    func(context.Context, []int) ([]string, error) { panic("oops") },
		"count":    func(context.Context, []int) ([]string, error) { return nil, nil },
		"reject":   func(context.Context, []int) ([]string, error) { return nil, middleware.Reject{0: errBad} },
		"large":    func(context.Context, []int) ([]string, error) { return nil, middleware.TooLarge{Err: errBad} },
	} {
		t.Run(name, func(t *testing.T) {
			var seen calls
			counted := func(ctx context.Context, reqs []int) ([]string, error) {
				seen.add(reqs)
				return fn(ctx, reqs)
			}
			for i, got := range run(t, middleware.Retry(counted, nil, 3, nil), 1, 2) {
				if got.Err == nil {
					t.Errorf("request %d: no error", i)
				}
			}
			seen.want(t, []int{1, 2})
		})
	}
}

func TestRetryAsksWhenOfEachError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errWorse := errors.New("worse")
		var seen calls
		fn := func(_ context.Context, reqs []int) ([]string, error) {
			seen.add(reqs)
			if len(reqs) == 3 {
				return answerAll(reqs), batcher.Errors{errWorse, nil, errBad}
			}
			return answerAll(reqs), nil
		}
		worth := func(err error) bool { return errors.Is(err, errBad) }
		got := run(t, middleware.Retry(fn, worth, 0, nil), 1, 2, 3)
		wantAnswers(t, got, []int{1, 2, 3}, map[int]error{1: errWorse})
		seen.want(t, []int{1, 2, 3}, []int{3})
	})
}

func TestRetryDoesNotWaitPastTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
		defer cancel()
		var seen calls
		got := runContext(t, ctx, middleware.Retry(failing(&seen, 1), nil, -1, every(10*time.Second)), 1)
		wantAnswers(t, got, []int{1}, map[int]error{1: errBad})
		if d, n := time.Since(start), len(seen.list()); d != 20*time.Second || n != 3 {
			t.Errorf("%d calls in %v, want 3 in 20s: a third wait would end after the deadline", n, d)
		}
	})
}

func TestRetryDoesNotWaitUntilTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var seen calls
		_, err := middleware.Retry(failing(&seen, 1), nil, 0, every(10*time.Second))(ctx, []int{1})
		if d := time.Since(start); !errors.Is(err, errBad) || d != 0 {
			t.Errorf("got %v after %v, want Func's error at once", err, d)
		}
	})
}

func TestRetryStopsWaitingWhenItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(3*time.Second, cancel)
		var seen calls
		_, err := middleware.Retry(failing(&seen, 1), nil, 0, every(time.Hour))(ctx, []int{1, 2})
		if d := time.Since(start); !errors.Is(err, errBad) || d != 3*time.Second {
			t.Errorf("got %v after %v, want Func's error after 3s", err, d)
		}
		seen.want(t, []int{1, 2})
	})
}

// Without a wait both the time and ctx are over when Retry looks; often
// enough that it must have looked at both.
func TestRetryRunsNothingUnderAnEndedContext(t *testing.T) {
	for range 1000 {
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		fn := func(context.Context, []int) ([]string, error) {
			n++
			cancel()
			return nil, errBad
		}
		if _, err := middleware.Retry(fn, nil, 0, every(0))(ctx, []int{1}); !errors.Is(err, errBad) || n != 1 {
			t.Fatalf("got %v after %d calls, want Func's error after 1", err, n)
		}
	}
}

func TestRetryKeepsOneErrorForAllAsOne(t *testing.T) {
	var seen calls
	_, err := middleware.Retry(failing(&seen, 1), nil, 2, every(0))(t.Context(), []int{1, 2})
	var each batcher.Errors
	if !errors.Is(err, errBad) || errors.As(err, &each) {
		t.Errorf("got %#v, want Func's error", err)
	}
}

func TestRetryCallsOwnTheirRequests(t *testing.T) {
	n := 0
	fn := func(_ context.Context, reqs []int) ([]string, error) {
		res, each := answerAll(reqs), make(batcher.Errors, len(reqs))
		if n++; n < 3 {
			each[len(reqs)-1] = errBad
		}
		clear(reqs)
		return res, each
	}
	wantAnswers(t, run(t, middleware.Retry(fn, nil, 0, every(0)), 1, 2, 3), []int{1, 2, 3}, nil)
}

// A Reject counts places of the call that it answers. When that call held
// some of the batch only, each request gets what the Reject says of it.
func TestRetryReadsARejectOfSome(t *testing.T) {
	var seen calls
	fn := func(_ context.Context, reqs []int) ([]string, error) {
		if seen.add(reqs); len(reqs) == 4 {
			return answerAll(reqs), batcher.Errors{nil, errors.New("busy"), nil, errors.New("busy")}
		}
		return nil, middleware.Reject{1: errBad}
	}
	got := run(t, middleware.Isolate(middleware.Retry(fn, nil, 0, every(0)), nil, 0), upTo(4)...)
	wantAnswers(t, []batcher.Result[string]{got[0], got[2], got[3]}, []int{0, 2, 3}, map[int]error{3: errBad})
	if !isReject(got[1].Err) || errors.Is(got[1].Err, errBad) {
		t.Errorf("request 1: %v, want the Reject and not the culprit's error", got[1].Err)
	}
	seen.want(t, upTo(4), []int{1, 3})
}

// Which error that is may change from try to try, and who got it early keeps it.
func TestRetryGivesEachRequestItsLastError(t *testing.T) {
	var seen calls
	fn := func(_ context.Context, reqs []int) ([]string, error) {
		seen.add(reqs)
		each := make(batcher.Errors, len(reqs))
		for i, req := range reqs {
			each[i] = fmt.Errorf("request %d, try %d", req, len(seen.list()))
		}
		return nil, each
	}
	again := func(err error) bool { return err.Error() != "request 1, try 1" }
	for i, got := range run(t, middleware.Retry(fn, again, 3, every(0)), upTo(3)...) {
		want := fmt.Sprintf("request %d, try 3", i)
		if i == 1 {
			want = "request 1, try 1"
		}
		if got.Err == nil || got.Err.Error() != want {
			t.Errorf("got %v, want %s", got.Err, want)
		}
	}
	seen.want(t, []int{0, 1, 2}, []int{0, 2}, []int{0, 2})
}

// One that failed them all is asked about once.
func TestRetryAsksWhenOfOneErrorOnce(t *testing.T) {
	var seen calls
	asked := 0
	run(t, middleware.Retry(failing(&seen, 1), func(error) bool { asked++; return false }, 0, every(0)), 1, 2, 3)
	if asked != 1 {
		t.Errorf("asked %d times, want once", asked)
	}
}

func TestRetryOfANilFuncPanics(t *testing.T) {
	wantPanic(t, "middleware: Retry of a nil Func", func() { middleware.Retry[int, int](nil, nil, 0, nil) })
}
