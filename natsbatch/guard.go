package natsbatch

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/gobatcher/batcher"
)

// crashError is a run that panicked, called Goexit, or took too long.
type crashError struct{ reason string }

func (e *crashError) Error() string { return e.reason }

// ran is the outcome of a call of Func: results, or an error for each request,
// where nil means that the result counts.
type ran[Res any] struct {
	res  []Res
	errs []error
}

// guard calls fn and returns a result for each request, or errors, where nil
// means that the result counts. A panic, runtime.Goexit and a call that takes
// longer than timeout are crashErrors; such a call is left to go on alone. A
// negative timeout means none.
func guard[Req, Res any](ctx context.Context, fn groupFunc[Req, Res], group string, reqs []Req, timeout time.Duration) ([]Res, []error) {
	if timeout < 0 {
		out := <-launch(ctx, fn, group, reqs)
		return out.res, out.errs
	}
	late := &crashError{fmt.Sprintf("Func took longer than %v", timeout)}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, late)
	defer cancel()
	returned := launch(ctx, fn, group, reqs)
	select {
	case out := <-returned:
		return out.res, out.errs
	case <-ctx.Done():
	}
	if context.Cause(ctx) != late { // Shutdown ran out of time: the worker drops what Func returns now
		out := <-returned
		return out.res, out.errs
	}
	select {
	case out := <-returned:
		if out.errs == nil {
			return out.res, nil
		} // else most likely because of the context
	case <-time.After(timeout/10 + time.Millisecond): // to heed its context
	}
	return nil, all(len(reqs), late)
}

// launch calls fn in a goroutine of its own, which reports back whatever fn and its
// errors do.
func launch[Req, Res any](ctx context.Context, fn groupFunc[Req, Res], group string, reqs []Req) <-chan ran[Res] {
	returned := make(chan ran[Res], 1)
	go func() {
		var out ran[Res]
		crash := &crashError{"Func called runtime.Goexit"}
		defer func() {
			if v := recover(); v != nil {
				crash = &crashError{fmt.Sprintf("Func panicked: %v\n%s", v, debug.Stack())}
			}
			if crash != nil {
				out = ran[Res]{errs: all(len(reqs), crash)}
			}
			returned <- out
		}()
		res, err := fn(ctx, group, reqs)
		out, crash = check(res, err, len(reqs)), nil
	}()
	return returned
}

// check assigns each of n requests its result or its error.
func check[Res any](res []Res, err error, n int) ran[Res] {
	if err == nil {
		if len(res) == n {
			return ran[Res]{res: res}
		}
		return ran[Res]{errs: all(n, miscount("results", len(res), n))}
	}
	each, ok := perRequest(err)
	switch {
	case !ok:
		return ran[Res]{errs: all(n, err)}
	case len(each) != n:
		return ran[Res]{errs: all(n, miscount("errors", len(each), n))}
	case len(res) == n:
		return ran[Res]{res, each}
	}
	errs := make([]error, n)
	for i, err := range each {
		errs[i] = err
		if err == nil {
			errs[i] = miscount("results", len(res), n)
		}
	}
	return ran[Res]{errs: errs}
}

// perRequest returns the errors of single requests that err consists of; false
// if err is one for the batch, as is one that Retry has marked: errors inside it
// may be about other requests, those of a Batcher that Func uses. So is a panic that
// a wrapper has caught, whatever was passed to panic, as for a Batcher.
func perRequest(err error) (each batcher.Errors, ok bool) {
	if _, panicked := err.(*batcher.PanicError); panicked {
		return nil, false
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if _, whole := e.(*RetryError); whole {
			return nil, false
		}
		if each, ok = e.(batcher.Errors); ok {
			return each, true
		}
	}
	ok = errors.As(err, &each)
	return each, ok
}

func all(n int, err error) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}

func miscount(what string, got, want int) error {
	return fmt.Errorf("%w: Func returned %d %s for %d requests", batcher.ErrResultCount, got, what, want)
}
