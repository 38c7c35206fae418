package middleware

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gobatcher/batcher"
)

// Retry runs again, in one call, the requests that failed with an error for
// which when returns true. Those that succeeded, and those that failed for
// good, do not run again; they get their answer together with the others.
//
// fn must be safe to repeat. when is called with each request's error, or
// once if one error failed them all. Its default, nil, is every error except
// those that repeating cannot help or that leave the other side at work: those
// of a context, timeouts, panics, a wrong number of results, a [Reject] and a
// [TooLarge].
//
// tries is the most calls, including the first. Default: zero, which is 3; 1 is
// no retry. Negative: no limit but waits and the deadline.
//
// waits is called once for each batch whose first call failed. It returns the
// function that says how long to wait before each further call; a negative
// time means that no further call is made. Each batch gets its own because a
// back-off has state, and batches may run at the same time. The back-off
// libraries plug in as they are: see the examples. It is not shown the error: an
// fn that is told how long to wait, by Retry-After, say, waits before its next
// call; there is an example of that too. Default: nil, which is 100 ms, doubled
// each time, up to 10 s.
//
// A wait ends at once when ctx ends, and one that would last until ctx's
// deadline does not begin; in both cases nothing runs again. Requests that
// still fail when the tries end get the last error. Retry panics if fn is nil.
func Retry[Req, Res any](fn batcher.Func[Req, Res], when func(error) bool, tries int, waits func() func() time.Duration) batcher.Func[Req, Res] {
	need("Retry", fn)
	if when == nil {
		when = passing
	}
	if tries == 0 {
		tries = 3
	}
	if waits == nil {
		waits = doubling
	}
	return func(ctx context.Context, reqs []Req) ([]Res, error) {
		o := call(ctx, fn, slices.Clone(reqs))
		if o.err == nil && o.each == nil {
			return o.unpack()
		}
		at, all, wait := span(len(reqs)), gather[Res](len(reqs)), waits()
		all.add(at, o)
		for try := 1; try != tries; try++ {
			again := failed(at, o, when)
			if len(again) == 0 || !pause(ctx, wait()) {
				break
			}
			at, o = again, call(part(ctx, reqs, again), fn, pick(reqs, again))
			all.add(at, o)
		}
		if len(at) == len(reqs) { // the last call answered all: keep one error for all as one
			return o.unpack()
		}
		return all.unpack()
	}
}

// failed picks the requests, of those at these places, that are to run again.
func failed[Res any](at []int, o outcome[Res], when func(error) bool) (again []int) {
	if o.err != nil {
		if when(o.err) {
			return at
		}
		return nil
	}
	for i, err := range o.each {
		if err != nil && when(err) {
			again = append(again, at[i])
		}
	}
	return again
}

// pause waits for d and reports whether to go on.
func pause(ctx context.Context, d time.Duration) bool {
	if d < 0 {
		return false
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil // both may be ready, and select picks one at random
	case <-ctx.Done():
		return false
	}
}

// passing reports whether err may be gone the next time.
func passing(err error) bool {
	if _, ok := as[Reject](err); ok {
		return false
	}
	if _, ok := as[TooLarge](err); ok {
		return false
	}
	var panicked *batcher.PanicError
	return over(err) && !errors.Is(err, batcher.ErrResultCount) && !errors.As(err, &panicked)
}

// doubling is the default of waits. It has no jitter: for that there are back-off
// libraries.
func doubling() func() time.Duration {
	next := 100 * time.Millisecond
	return func() time.Duration {
		d := next
		next = min(2*next, 10*time.Second)
		return d
	}
}
