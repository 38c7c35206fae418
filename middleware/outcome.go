package middleware

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/gobatcher/batcher"
)

// outcome is the outcome of one call of a Func, checked against the number of
// its requests.
type outcome[Res any] struct {
	res  []Res          // one for each request, unless err is set
	each batcher.Errors // one for each request, or nil if all succeeded
	err  error          // failed them all together
}

// call runs fn, which may panic, and so may the methods of the errors that it
// returns. After runtime.Goexit it does not return.
func call[Req, Res any](ctx context.Context, fn batcher.Func[Req, Res], reqs []Req) (o outcome[Res]) {
	returned := false
	defer func() {
		if v := recover(); !returned { // v may be nil: GODEBUG=panicnil=1
			o = outcome[Res]{err: &batcher.PanicError{Value: v, Stack: debug.Stack()}}
		}
	}()
	res, err := fn(ctx, reqs)
	o = judge(res, err, len(reqs))
	o.inspect()
	returned = true
	return o
}

// inspect asks each error what it will be asked later. One that panics then, as
// a nil pointer may, would take the answers of other calls with it.
func (o outcome[Res]) inspect() {
	for _, err := range o.each {
		if err != nil {
			_ = over(err)
		}
	}
	if o.err == nil {
		return
	}
	_ = over(o.err)
	if reject, ok := as[Reject](o.err); ok {
		for _, err := range reject {
			_ = over(err)
		}
	}
}

// judge checks what a Func returned for n requests.
func judge[Res any](res []Res, err error, n int) outcome[Res] {
	if err == nil {
		if len(res) != n {
			return outcome[Res]{err: miscount("results", len(res), n)}
		}
		return outcome[Res]{res: res}
	}
	if each, ok := as[batcher.Errors](err); ok {
		return judgeEach(res, each, n)
	}
	if reject, ok := as[Reject](err); ok {
		return judgeReject[Res](reject, err, n)
	}
	return outcome[Res]{err: err}
}

// judgeEach checks an Errors. One that is too short or too long is dropped, not
// wrapped: an outer function would take it for that of its own call. One
// without an error in it counts as none.
func judgeEach[Res any](res []Res, each batcher.Errors, n int) outcome[Res] {
	if len(each) != n {
		return outcome[Res]{err: miscount("errors", len(each), n)}
	}
	if len(res) == n {
		if !slices.ContainsFunc(each, failure) {
			each = nil
		}
		return outcome[Res]{res: res, each: each}
	}
	checked := make(batcher.Errors, n)
	for i, err := range each {
		checked[i] = err
		if err == nil {
			checked[i] = miscount("results", len(res), n)
		}
	}
	return outcome[Res]{res: make([]Res, n), each: checked}
}

// judgeReject checks a Reject, which err is or wraps. One that names every
// request leaves nothing to run again and becomes an Errors.
func judgeReject[Res any](reject Reject, err error, n int) outcome[Res] {
	for i := range reject {
		if i < 0 || i >= n {
			return outcome[Res]{err: fmt.Errorf("%w: Func rejected request %d of %d", batcher.ErrResultCount, i, n)}
		}
	}
	o := outcome[Res]{err: err}
	if n == 0 || len(reject) < n {
		return o
	}
	each := make(batcher.Errors, n)
	for i := range each {
		each[i] = o.errOf(i)
	}
	return outcome[Res]{res: make([]Res, n), each: each}
}

// errOf is the error of request i, nil if it succeeded.
func (o outcome[Res]) errOf(i int) error {
	switch {
	case o.err == nil && o.each == nil:
		return nil
	case o.err == nil:
		return o.each[i]
	}
	if reject, ok := as[Reject](o.err); ok && reject[i] != nil {
		return reject[i]
	}
	return o.err
}

// unpack returns o as a Func does.
func (o outcome[Res]) unpack() ([]Res, error) {
	if o.each != nil {
		return o.res, o.each
	}
	return o.res, o.err
}

func failure(err error) bool { return err != nil }

// as is errors.As, except that it does not look for T in a value passed to
// panic: a panic stays a panic.
func as[T error](err error) (found T, ok bool) {
	if _, panicked := err.(*batcher.PanicError); panicked {
		return found, false
	}
	ok = errors.As(err, &found)
	return found, ok
}

func miscount(what string, got, want int) error {
	return fmt.Errorf("%w: Func returned %d %s for %d requests", batcher.ErrResultCount, got, what, want)
}

// need panics on a nil Func, which batcher.New could no longer see.
func need[Req, Res any](name string, fn batcher.Func[Req, Res]) {
	if fn == nil {
		panic("middleware: " + name + " of a nil Func")
	}
}
