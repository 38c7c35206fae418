package batcher_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gobatcher/batcher"
)

var errBroken = errors.New("broken")

// misbehaving is a Func that does something else with its first batch, and
// then answers ten times the request.
func misbehaving(first batcher.Func[int, int]) batcher.Func[int, int] {
	return func(ctx context.Context, reqs []int) ([]int, error) {
		if do := first; do != nil {
			first = nil // one slot: no two batches at once
			return do(ctx, reqs)
		}
		return tenfold(reqs), nil
	}
}

// errorOfBatch runs a batch of three whose callers all get the same error,
// then one more that works, and gives the error.
func errorOfBatch(t *testing.T, first batcher.Func[int, int]) error {
	t.Helper()
	b := batcher.New(misbehaving(first), together(3))
	_, err := submitAll(b, 1, 2, 3)[0].Wait(context.Background())
	if err == nil {
		t.Fatal("no error")
	}
	expectAnswers(t, submitAll(b, 4, 5, 6), 40, 50, 60)
	b.Close()
	if s := b.Stats(); s.Failed != 3 || s.Succeeded != 3 || s.Batches != 2 || s.Running != 0 {
		t.Errorf("%+v", s)
	}
	return err
}

func TestFuncMisbehavesAndTheNextBatchWorks(t *testing.T) {
	for _, c := range []struct {
		name  string
		first batcher.Func[int, int]
		is    error
		text  []string
	}{
		{"error", func(context.Context, []int) ([]int, error) { return nil, errBroken }, errBroken, []string{"broken"}},
		{"error and results", func(_ context.Context, reqs []int) ([]int, error) { return reqs, errBroken }, errBroken, []string{"broken"}},
		{"too few results", func(context.Context, []int) ([]int, error) { return []int{1, 2}, nil }, batcher.ErrResultCount, []string{" 2 ", " 3 "}},
		{"too many results", func(context.Context, []int) ([]int, error) { return []int{1, 2, 3, 4}, nil }, batcher.ErrResultCount, []string{" 4 ", " 3 "}},
		{"no results", func(context.Context, []int) ([]int, error) { return nil, nil }, batcher.ErrResultCount, []string{" 0 ", " 3 "}},
		{"too few errors", func(_ context.Context, reqs []int) ([]int, error) { return reqs, batcher.Errors{nil, errBroken} }, batcher.ErrResultCount, []string{" 2 ", " 3 ", "broken"}},
		{"too many errors", func(_ context.Context, reqs []int) ([]int, error) { return reqs, make(batcher.Errors, 4) }, batcher.ErrResultCount, []string{" 4 ", " 3 "}},
		{"nil Errors", func(_ context.Context, reqs []int) ([]int, error) { return reqs, batcher.Errors(nil) }, batcher.ErrResultCount, []string{" 0 ", " 3 "}},
		{"Goexit", func(context.Context, []int) ([]int, error) { runtime.Goexit(); return nil, nil }, nil, []string{"Goexit"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := errorOfBatch(t, c.first)
				if c.is != nil && !errors.Is(err, c.is) {
					t.Errorf("got %v, want %v", err, c.is)
				}
				for _, text := range c.text {
					if !strings.Contains(err.Error(), text) {
						t.Errorf("%q does not name %q", err, text)
					}
				}
			})
		})
	}
}

func TestPanicOfFunc(t *testing.T) {
	each := batcher.Errors{errBroken, nil, nil}
	for _, c := range []struct {
		name  string
		value any
		is    error
	}{
		{"text", "oh no", nil},
		{"error", errBroken, errBroken},
		{"nil", nil, new(runtime.PanicNilError)},
		{"Errors value", each, errBroken}, // of one request; but the panic is everyone's
		{"context.Canceled", context.Canceled, batcher.ErrCanceled},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := errorOfBatch(t, func(context.Context, []int) ([]int, error) { panic(c.value) })
				var p *batcher.PanicError
				if !errors.As(err, &p) || !bytes.Contains(p.Stack, []byte("TestPanicOfFunc")) {
					t.Fatalf("got %v", err)
				}
				switch is := c.is.(type) {
				case nil:
				case *runtime.PanicNilError:
					if !errors.As(err, &is) {
						t.Errorf("got %v, want %T", err, is)
					}
				default:
					if !errors.Is(err, is) || errors.Is(err, context.Canceled) {
						t.Errorf("got %v, want %v", err, is)
					}
				}
			})
		})
	}
}

func TestPanicIsOneBatchsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opts := together(2)
		opts.MaxConcurrent = 2
		gate := make(chan struct{})
		b := batcher.New(func(_ context.Context, reqs []int) ([]int, error) {
			<-gate // until both batches run
			if reqs[0] == 1 {
				panic(errBroken)
			}
			return tenfold(reqs), nil
		}, opts)
		bad, good := submitAll(b, 1, 2), submitAll(b, 3, 4)
		synctest.Wait()
		close(gate)
		expectErrors(t, errBroken, bad...)
		expectAnswers(t, good, 30, 40)
	})
}

// A function around a Func may catch the panic and hand it on.
func TestPanicErrorThatFuncReturnsIsEveryonesToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		caught := &batcher.PanicError{Value: batcher.Errors{errBroken, nil, nil}}
		err := errorOfBatch(t, func(context.Context, []int) ([]int, error) { return nil, caught })
		if err != caught {
			t.Errorf("got %v", err)
		}
	})
}

func TestErrorsGivesEachCallerItsOwn(t *testing.T) {
	lost := errors.New("lost")
	for _, c := range []struct {
		name string
		wrap func(error) error
	}{
		{"plain", func(err error) error { return err }},
		{"wrapped", func(err error) error { return fmt.Errorf("at server 7: %w", err) }},
		{"joined", func(err error) error { return errors.Join(errors.New("slow"), err) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := batcher.New(func(_ context.Context, reqs []int) ([]int, error) {
					return tenfold(reqs), c.wrap(batcher.Errors{errBroken, nil, lost})
				}, together(3))
				futures := submitAll(b, 1, 2, 3)
				expectErrors(t, errBroken, futures[0])
				expectAnswers(t, futures[1:2], 20)
				expectErrors(t, lost, futures[2])
				if _, err := futures[0].Wait(context.Background()); err != errBroken {
					t.Errorf("got %v, which is more than its own", err)
				}
				if s := b.Stats(); s.Succeeded != 1 || s.Failed != 2 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

func TestErrorsWithoutAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := batcher.New(func(_ context.Context, reqs []int) ([]int, error) {
			return tenfold(reqs), make(batcher.Errors, len(reqs))
		}, together(2))
		expectAnswers(t, submitAll(b, 1, 2), 10, 20)
	})
}

// Requests that failed need no result; those that succeeded do.
func TestErrorsWithAWrongNumberOfResults(t *testing.T) {
	for _, res := range [][]int{nil, {10}, {10, 20, 30}} {
		synctest.Test(t, func(t *testing.T) {
			b := batcher.New(func(context.Context, []int) ([]int, error) {
				return res, batcher.Errors{errBroken, nil}
			}, together(2))
			futures := submitAll(b, 1, 2)
			expectErrors(t, errBroken, futures[0])
			expectErrors(t, batcher.ErrResultCount, futures[1])
		})
	}
}

func TestErrorsInABatchWithWithdrawnRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := batcher.New(func(_ context.Context, reqs []int) ([]int, error) {
			return tenfold(reqs), batcher.Errors{nil, errBroken, nil}
		}, together(5))
		futures := submitAll(b, 1, 2, 3, 4)
		futures[0].Cancel()
		futures[2].Cancel()
		futures = append(futures, submitAll(b, 5)...)
		expectErrors(t, batcher.ErrCanceled, futures[0], futures[2])
		expectAnswers(t, []batcher.Future[int]{futures[1], futures[4]}, 20, 50)
		expectErrors(t, errBroken, futures[3])
	})
}

func TestFuncIsNeverCalledWithoutRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		called := false
		b := batcher.New(func(context.Context, []int) ([]int, error) { called = true; return nil, nil }, batcher.Options{Delay: 1})
		b.Flush()
		b.Close()
		if called {
			t.Error("Func was called")
		}
	})
}

// A typed nil in an error is a common slip; looking into it panics.
func TestErrorThatCannotBeLookedInto(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := batcher.New(misbehaving(func(context.Context, []int) ([]int, error) {
			var err *fs.PathError
			return nil, err
		}), together(2))
		for _, f := range submitAll(b, 1, 2) {
			if _, err := f.Wait(context.Background()); err == nil {
				t.Error("no error")
			}
		}
		expectAnswers(t, submitAll(b, 3, 4), 30, 40)
	})
}

// So does a panic with one.
func TestPanicWithAnErrorThatCannotBeLookedInto(t *testing.T) {
	var none *fs.PathError
	err := errorOfBatch(t, func(context.Context, []int) ([]int, error) { panic(none) })
	var p *batcher.PanicError
	if !errors.As(err, &p) || p.Value != none || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%T: %v", err, err)
	}
}

func TestPanicOfNil(t *testing.T) {
	for _, setting := range []string{"panicnil=0", "panicnil=1"} {
		t.Setenv("GODEBUG", setting)
		synctest.Test(t, func(t *testing.T) {
			err := errorOfBatch(t, func(context.Context, []int) ([]int, error) { panic(nil) })
			var panicked *batcher.PanicError
			if !errors.As(err, &panicked) {
				t.Errorf("%s: %v", setting, err)
			}
		})
	}
}
