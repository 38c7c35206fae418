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
// gives each caller its own. If the number of results is wrong, callers without
// an error get [ErrResultCount]. If Func panics, all get a [*PanicError]; if it
// calls runtime.Goexit, an error of no other kind. An error that is
// context.Canceled becomes one that is [ErrCanceled] instead, or [ErrClosed] if
// Shutdown has ended ctx.
//
// reqs belongs to Func until it returns; the results and the Errors that it
// returns belong to the batch from then on.
//
// ctx belongs to no caller and has none of their values: see Info.Requests. It
// ends when all callers of the batch have left (its cause is [ErrCanceled]),
// when the latest of their deadlines passes (unless one has none), when
// Shutdown runs out of time ([ErrClosed]), and when Func returns. [FromContext]
// returns what it says of the batch. If there are several slots, Func may be
// called from several goroutines at once.
type Func[Req, Res any] func(ctx context.Context, reqs []Req) ([]Res, error)

// process makes Func a processor.
func (f Func[Req, Res]) process(ctx context.Context, reqs []Req) ([]Res, error) { return f(ctx, reqs) }

// processor is what a Batcher calls: a Func, or a Func with its key.
type processor[Req, Res any] interface {
	process(ctx context.Context, reqs []Req) ([]Res, error)
}

// Weigher is implemented by requests that differ in weight (bytes, tokens,
// rows). Without it a request weighs 1, also where only *Req has the method. A
// negative weight counts as zero. Weight is called once for each request, in the
// goroutine that submits it. A wrapper that calls its Func with part of a batch,
// as those of package middleware do, calls Weight again, in the goroutine of the
// batch.
type Weigher interface{ Weight() int }

// weigherOf returns the weight function for Req, or nil if all weigh 1. Where
// the type alone decides, it is asked only once, here, so that plain requests
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

// answers is the outcome of a Func: a result for each request, or one error
// for all, or besides the results an error, or nil, for each.
type answers[Res any] struct {
	res  []Res
	err  error
	each Errors
}

// call runs p and checks what it returns. It turns a panic into an error, also
// one in the methods of the error that p returns. After runtime.Goexit it does
// not return.
func call[Req, Res any](ctx *funcContext, p processor[Req, Res], reqs []Req) (a answers[Res]) {
	returned := false
	defer func() {
		if v := recover(); !returned { // v may be nil: GODEBUG=panicnil=1
			a = answers[Res]{err: own(&PanicError{Value: v, Stack: debug.Stack()}, ctx.ended())}
		}
	}()
	n := len(reqs) // Func may change anything but this
	res, err := p.process(ctx, reqs)
	switch {
	case err != nil:
		a = failure(res, err, n, ctx.ended())
	case len(res) != n:
		a.err = countError("results", len(res), n)
	default:
		a.res = res
	}
	returned = true
	return a
}

// failure turns an error that Func returned for n requests into one for all or
// one for each.
func failure[Res any](res []Res, err error, n int, cause error) answers[Res] {
	var each Errors
	if _, panicked := err.(*PanicError); panicked || !errors.As(err, &each) {
		return answers[Res]{err: own(err, cause)}
	}
	if len(each) != n {
		return answers[Res]{err: fmt.Errorf("%w: %v", countError("errors", len(each), n), err)}
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
	return answers[Res]{res: res, each: errs}
}
