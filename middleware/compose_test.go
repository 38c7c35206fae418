package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/middleware"
)

// plain is the Func that the layers here go around.
type plain = batcher.Func[int, string]

// layers are the functions under test. Their parameters leave time and calls
// enough, so that what a pair answers does not hang on its order.
var layers = map[string]func(plain) plain{
	"Isolate": func(f plain) plain { return middleware.Isolate(f, nil, -1) },
	"Retry":   func(f plain) plain { return middleware.Retry(f, nil, 2, every(time.Second)) },
	"Dedup":   func(f plain) plain { return middleware.Dedup(f, same) },
	"Timeout": func(f plain) plain { return middleware.Timeout(f, time.Hour) },
	"Limit":   func(f plain) plain { return middleware.Limit(f, make(chan struct{}, 1)) },
}

// nestings lists every pair in both orders, each function in itself, and all
// of them in the order of the package comment and in the reverse. The first
// name is the outermost.
func nestings() (all [][]string) {
	order := []string{"Dedup", "Retry", "Isolate", "Timeout", "Limit"}
	for _, outer := range order {
		for _, inner := range order {
			all = append(all, []string{outer, inner})
		}
	}
	reverse := slices.Clone(order)
	slices.Reverse(reverse)
	return append(all, order, reverse)
}

// nest puts f into the named functions.
func nest(names []string, f plain) plain {
	for _, name := range slices.Backward(names) {
		f = layers[name](f)
	}
	return f
}

// eachNesting runs test for every nesting, in virtual time.
func eachNesting(t *testing.T, test func(t *testing.T, names []string)) {
	for _, names := range nestings() {
		t.Run(strings.Join(names, "-"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, names) })
		})
	}
}

// asked holds equal requests, innocent and bad ones. 3 is the bad one.
var asked = []int{0, 1, 2, 3, 1, 4, 3, 5}

// outcomes are the ways in which a Func may fail over a batch that holds
// request 3.
var outcomes = map[string]struct {
	misbehave plain
	bad       func(error) bool // the error of request 3
	rest      func(error) bool // the error of the others without an Isolate; nil: none
}{
	"panic":        {func(context.Context, []int) ([]string, error) { panic(errBad) }, isPanic, isPanic},
	"one error":    {func(context.Context, []int) ([]string, error) { return nil, errBad }, isBad, isBad},
	"few results":  {func(_ context.Context, reqs []int) ([]string, error) { return answerAll(reqs[1:]), nil }, isCount, isCount},
	"many results": {func(_ context.Context, reqs []int) ([]string, error) { return answerAll(append(reqs, 0)), nil }, isCount, isCount},
	"few errors": {func(_ context.Context, reqs []int) ([]string, error) {
		return answerAll(reqs), batchErrors(reqs)[1:]
	}, isCount, isCount},
	"many errors": {func(_ context.Context, reqs []int) ([]string, error) {
		return answerAll(reqs), fmt.Errorf("bulk: %w", append(batchErrors(reqs), nil))
	}, isCount, isCount},
	"Errors":         {func(_ context.Context, reqs []int) ([]string, error) { return answerAll(reqs), batchErrors(reqs) }, isBad, nil},
	"wrapped Errors": {func(_ context.Context, reqs []int) ([]string, error) { return answerAll(reqs), wrap(batchErrors(reqs)) }, isBad, nil},
	"Reject":         {func(_ context.Context, reqs []int) ([]string, error) { return nil, rejectBad(reqs) }, isBadOrReject, isReject},
	"wrapped Reject": {func(_ context.Context, reqs []int) ([]string, error) { return nil, wrap(rejectBad(reqs)) }, isBadOrReject, isReject},
	"broken error":   {func(context.Context, []int) ([]string, error) { return nil, broken{} }, isPanic, isPanic},
	"broken Reject": {func(_ context.Context, reqs []int) ([]string, error) {
		return nil, middleware.Reject{slices.Index(reqs, 3): broken{}}
	}, isPanicOrReject, isPanicOrReject},
	"broken Errors": {func(_ context.Context, reqs []int) ([]string, error) {
		each := batchErrors(reqs)
		each[slices.Index(reqs, 3)] = broken{}
		return answerAll(reqs), each
	}, isPanic, isPanicOrNil},
	"TooLarge": {func(context.Context, []int) ([]string, error) { return nil, wrap(middleware.TooLarge{}) }, isLarge, isLarge},
}

func isBad(err error) bool   { return errors.Is(err, errBad) }
func isCount(err error) bool { return errors.Is(err, batcher.ErrResultCount) }
func isPanic(err error) bool {
	var p *batcher.PanicError
	return errors.As(err, &p) && p.Value == errBad
}
func isPanicOrReject(err error) bool { return isPanic(err) || isReject(err) }
func isPanicOrNil(err error) bool    { return err == nil || isPanic(err) }
func isLarge(err error) bool         { var l middleware.TooLarge; return errors.As(err, &l) }
func isBadOrReject(err error) bool   { return isBad(err) || isReject(err) }
func wrap(err error) error           { return fmt.Errorf("bulk: %w", err) }

// broken is an error that panics when it is looked into, as a nil pointer may.
type broken struct{}

func (broken) Error() string { return "broken" }
func (broken) Is(error) bool { panic(errBad) }

// batchErrors fails 3.
func batchErrors(reqs []int) batcher.Errors {
	each := make(batcher.Errors, len(reqs))
	for i, req := range reqs {
		if req == 3 {
			each[i] = errBad
		}
	}
	return each
}

// rejectBad names 3.
func rejectBad(reqs []int) middleware.Reject {
	reject := middleware.Reject{}
	for i, req := range reqs {
		if req == 3 {
			reject[i] = errBad
		}
	}
	return reject
}

func TestEveryPairKeepsAnswersWithTheirRequests(t *testing.T) {
	for name, o := range outcomes {
		t.Run(name, func(t *testing.T) {
			eachNesting(t, func(t *testing.T, names []string) {
				f := nest(names, func(ctx context.Context, reqs []int) ([]string, error) {
					if slices.Contains(reqs, 3) {
						return o.misbehave(ctx, reqs)
					}
					return answerAll(reqs), nil
				})
				spared := o.rest == nil || slices.Contains(names, "Isolate")
				for i, got := range run(t, f, asked...) {
					switch req := asked[i]; {
					case req == 3 && !o.bad(got.Err):
						t.Errorf("request 3: error %v", got.Err)
					case req != 3 && spared && (got.Err != nil || got.Value != answer(req)):
						t.Errorf("request %d: got %q, %v", req, got.Value, got.Err)
					case req != 3 && !spared && !o.rest(got.Err):
						t.Errorf("request %d: error %v", req, got.Err)
					}
				}
			})
		})
	}
}

// As in a Batcher: who failed needs no result, and who did not has none.
func TestEveryPairKeepsErrorsBesideAWrongNumberOfResults(t *testing.T) {
	for _, res := range [][]string{nil, make([]string, len(asked)+1)} {
		eachNesting(t, func(t *testing.T, names []string) {
			f := nest(names, func(_ context.Context, reqs []int) ([]string, error) { return res, batchErrors(reqs) })
			for i, got := range run(t, f, asked...) {
				if req := asked[i]; req == 3 && !isBad(got.Err) || req != 3 && !isCount(got.Err) {
					t.Errorf("request %d: got %v", req, got.Err)
				}
			}
		})
	}
}

// The text names what was counted, and tells how many there are and should be.
func TestAWrongNumberIsToldAsWhatItIs(t *testing.T) {
	for want, fn := range map[string]plain{
		"Func returned 1 results for 2 requests": func(context.Context, []int) ([]string, error) { return make([]string, 1), nil },
		"Func returned 3 results for 2 requests": func(context.Context, []int) ([]string, error) { return make([]string, 3), batcher.Errors{nil, errBad} },
		"Func returned 3 errors for 2 requests":  func(context.Context, []int) ([]string, error) { return make([]string, 2), make(batcher.Errors, 3) },
	} {
		if err := run(t, middleware.Isolate(fn, no, 0), 1, 2)[0].Err; err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("got %v, want it to say %q", err, want)
		}
	}
}

func TestEveryPairSurvivesAGoexit(t *testing.T) {
	eachNesting(t, func(t *testing.T, names []string) {
		b := batcher.New(nest(names, func(_ context.Context, reqs []int) ([]string, error) {
			if slices.Contains(reqs, 3) {
				runtime.Goexit()
			}
			return answerAll(reqs), nil
		}), batcher.Options{})
		if _, err := b.Do(t.Context(), 3); err == nil {
			t.Error("request 3: no error")
		}
		if res, err := b.Do(t.Context(), 4); err != nil || res != answer(4) {
			t.Errorf("the next batch: got %q, %v", res, err)
		}
	})
}

func TestEveryPairEndsWhenAllCallersHaveLeft(t *testing.T) {
	eachNesting(t, func(t *testing.T, names []string) {
		start := time.Now()
		var seen calls
		b := batcher.New(nest(names, func(ctx context.Context, reqs []int) ([]string, error) {
			seen.add(reqs)
			if slices.Contains(reqs, 9) {
				return answerAll(reqs), nil
			}
			<-ctx.Done()
			return nil, ctx.Err()
		}), batcher.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := b.Do(ctx, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
		res, err := b.Do(t.Context(), 9)
		if d := time.Since(start); err != nil || res != answer(9) || d != time.Second {
			t.Errorf("the next batch: got %q, %v after %v; want its answer after 1s", res, err, d)
		}
		seen.want(t, []int{1}, []int{9})
	})
}

func TestEveryPairServesThoseWhoStay(t *testing.T) {
	eachNesting(t, func(t *testing.T, names []string) {
		f := nest(names, func(ctx context.Context, reqs []int) ([]string, error) {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(3 * time.Second):
				return answerAll(reqs), nil
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		b := batcher.NewBatch(f, batcher.BatchOptions{})
		leaves, _ := b.Add(ctx, 1)
		stays, _ := b.Add(t.Context(), 2)
		if err := b.Start(); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second, cancel)
		if _, err := leaves.Wait(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("who left: got %v, want context.Canceled", err)
		}
		if res, err := stays.Wait(t.Context()); err != nil || res != answer(2) {
			t.Errorf("who stayed: got %q, %v", res, err)
		}
	})
}

// ownReq is the key under which a submit context here carries its request.
type ownReq struct{}

// In whatever parts a batch runs, Func finds each request's own context, and what
// started the batch and when it was opened.
func TestEveryPairKeepsInfoAligned(t *testing.T) {
	eachNesting(t, func(t *testing.T, names []string) {
		calls := 0
		opened := time.Now()
		b := batcher.NewBatch(nest(names, func(ctx context.Context, reqs []int) ([]string, error) {
			calls++
			info, ok := batcher.FromContext(ctx)
			if !info.Opened.Equal(opened) || info.Trigger != batcher.TriggerManual {
				t.Errorf("call with %v: opened %v, started by %v", reqs, info.Opened, info.Trigger)
			}
			if !ok || info.Size != len(reqs) || info.Weight != len(reqs) || len(info.Requests) != len(reqs) {
				t.Errorf("call with %v: Info %+v, %t", reqs, info, ok)
				return answerAll(reqs), nil
			}
			for i, req := range reqs {
				if own := info.Requests[i].Value(ownReq{}); own != req {
					t.Errorf("call with %v: context %d is that of request %v", reqs, i, own)
				}
			}
			if len(reqs) > 1 {
				return nil, errBad
			}
			return answerAll(reqs), nil
		}), batcher.BatchOptions{})
		for _, req := range asked {
			_, _ = b.Add(context.WithValue(t.Context(), ownReq{}, req), req)
		}
		if err := b.Start(); err != nil {
			t.Fatal(err)
		}
		_, _ = b.Results(t.Context())
		if parts := slices.Contains(names, "Isolate"); calls == 0 || parts && calls == 1 {
			t.Errorf("%d calls, in parts: %t", calls, parts)
		}
	})
}

// Whatever a Func does, and however often it changes its mind: a caller that gets
// a result gets that of its own request.
func TestEveryPairWithAnErraticFunc(t *testing.T) {
	eachNesting(t, func(t *testing.T, names []string) {
		for seed := range uint64(40) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			for i, got := range run(t, nest(names, erratic(rnd)), asked...) {
				if got.Err == nil && got.Value != answer(asked[i]) {
					t.Fatalf("seed %d: request %d: got %q", seed, asked[i], got.Value)
				}
			}
		}
	})
}

// erratic does something else in every call. Its results are right wherever
// they count.
func erratic(rnd *rand.Rand) plain {
	return func(ctx context.Context, reqs []int) ([]string, error) {
		n, res := len(reqs), answerAll(reqs)
		each := make(batcher.Errors, n)
		each[rnd.IntN(n)] = errBad
		switch rnd.IntN(9) {
		case 0:
			panic(errBad)
		case 1:
			return res[:rnd.IntN(n)], nil
		case 2:
			return append(res, "too many"), nil
		case 3:
			return res, each[:rnd.IntN(n)]
		case 4:
			return res, wrap(append(each, errBad))
		case 5:
			return res, each
		case 6:
			return nil, middleware.Reject{rnd.IntN(n + 1): errBad}
		case 7:
			return nil, errBad
		default:
			return res, nil
		}
	}
}
