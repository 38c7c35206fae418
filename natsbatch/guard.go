package natsbatch

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/gobatcher/batcher"
)

// crashError is a run that ended as it must not.
type crashError struct{ reason string }

func (e *crashError) Error() string { return e.reason }

// ran is what a call of Func came to.
type ran[Res any] struct {
	res []Res
	err error
}

// guard calls fn and gives a result for each request, or errors of which nil
// means that the result counts. A panic, runtime.Goexit and a call that takes
// longer than timeout are crashErrors; a call that goes on goes on alone. A
// negative timeout is none.
func guard[Req, Res any](ctx context.Context, fn groupFunc[Req, Res], group string, reqs []Req, timeout time.Duration) ([]Res, []error) {
	n := len(reqs)
	if timeout < 0 {
		return check(<-launch(ctx, fn, group, reqs), n)
	}
	late := &crashError{fmt.Sprintf("Func took longer than %v", timeout)}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, late)
	defer cancel()
	returned := launch(ctx, fn, group, reqs)
	select {
	case out := <-returned:
		return check(out, n)
	case <-ctx.Done():
	}
	if context.Cause(ctx) != late { // Shutdown ran out of time: what Func says now counts
		return check(<-returned, n)
	}
	select {
	case out := <-returned:
		if out.err != nil { // most likely because of the context
			out.err = late
		}
		return check(out, n)
	case <-time.After(timeout/10 + time.Millisecond): // to heed its context
		return check(ran[Res]{err: late}, n)
	}
}

// launch calls fn in a goroutine of its own, which survives whatever fn does.
func launch[Req, Res any](ctx context.Context, fn groupFunc[Req, Res], group string, reqs []Req) <-chan ran[Res] {
	returned := make(chan ran[Res], 1)
	go func() {
		out := ran[Res]{err: &crashError{"Func called runtime.Goexit"}}
		defer func() {
			if v := recover(); v != nil {
				out = ran[Res]{err: &crashError{fmt.Sprintf("Func panicked: %v\n%s", v, debug.Stack())}}
			}
			returned <- out
		}()
		res, err := fn(ctx, group, reqs)
		out = ran[Res]{res, err}
	}()
	return returned
}

// check gives each of n requests its result or its error.
func check[Res any](out ran[Res], n int) ([]Res, []error) {
	var each batcher.Errors
	switch {
	case out.err == nil && len(out.res) == n:
		return out.res, nil
	case out.err == nil:
		return nil, all(n, miscount("results", len(out.res), n))
	case !errors.As(out.err, &each):
		return nil, all(n, out.err)
	case len(each) != n:
		return nil, all(n, miscount("errors", len(each), n))
	case len(out.res) == n:
		return out.res, each
	}
	errs := make([]error, n)
	for i, err := range each {
		errs[i] = err
		if err == nil {
			errs[i] = miscount("results", len(out.res), n)
		}
	}
	return nil, errs
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
