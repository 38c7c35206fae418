package batcher

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
)

// Func processes one batch. It returns one result for each request, in the
// same order.
//
// A non-nil error goes to every caller of the batch, except that an [Errors]
// gives each caller its own. A wrong number of results is [ErrResultCount]
// to them all, a panic a [*PanicError].
//
// reqs belongs to Func until it returns; the results and the Errors that it
// returns belong to the batch from then on.
//
// ctx belongs to no caller. It ends when all callers of the batch have left,
// when the latest of their deadlines passes (unless one has none), when
// Shutdown runs out of time, and when Func returns. [FromContext] tells what
// it carries. Func may be called from several goroutines at once if there
// are several slots.
type Func[Req, Res any] func(ctx context.Context, reqs []Req) ([]Res, error)

// process makes a Func the processor of a Batcher.
func (f Func[Req, Res]) process(ctx context.Context, reqs []Req) ([]Res, error) { return f(ctx, reqs) }

// processor is what a Batcher calls: a Func, or a Func with its key.
type processor[Req, Res any] interface {
	process(ctx context.Context, reqs []Req) ([]Res, error)
}

// Weigher is implemented by requests that differ in weight (bytes, tokens,
// rows). Without it a request weighs 1. A negative weight counts as zero.
// Weight is called once for each request, in the goroutine that submits it.
type Weigher interface{ Weight() int }

// weigherOf gives the weight function for Req, or nil if all weigh 1. The
// question is settled once where the type settles it, so that plain requests
// are never boxed.
func weigherOf[Req any]() func(Req) int {
	weighed := func(req Req) int {
		if w, ok := any(req).(Weigher); ok {
			return max(0, w.Weight())
		}
		return 1
	}
	t := reflect.TypeFor[Req]()
	if t.Kind() == reflect.Interface || t.Implements(reflect.TypeFor[Weigher]()) {
		return weighed
	}
	return nil
}

// call enters p and turns a panic into an error. After runtime.Goexit it does
// not return.
func call[Req, Res any](ctx context.Context, p processor[Req, Res], reqs []Req) (res []Res, err error) {
	defer func() {
		if v := recover(); v != nil {
			res, err = nil, &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return p.process(ctx, reqs)
}

// outcome checks what a Func returned for n requests: all results and no
// error, or one error for all, or an error (or nil) for each.
func outcome[Res any](res []Res, err error, n int, cause error) ([]Res, error, Errors) {
	if err != nil {
		return failure(res, err, n, cause)
	}
	if len(res) != n {
		return nil, countError("results", len(res), n), nil
	}
	return res, nil, nil
}

func failure[Res any](res []Res, err error, n int, cause error) ([]Res, error, Errors) {
	var each Errors
	if _, panicked := err.(*PanicError); panicked || !errors.As(err, &each) {
		return nil, own(err, cause), nil
	}
	if len(each) != n {
		return nil, fmt.Errorf("%w: %v", countError("errors", len(each), n), err), nil
	}
	errs := make(Errors, n)
	for i, err := range each {
		errs[i] = own(err, cause)
		if err == nil && len(res) != n {
			errs[i] = countError("results", len(res), n)
		}
	}
	if len(res) != n {
		res = make([]Res, n)
	}
	return res, nil, errs
}
