package middleware

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/gobatcher/batcher"
)

// Timeout gives fn the time d, counted from its call: when it is over, the
// context of fn ends, and the call returns at that instant, whether or not fn
// heeds its context. All requests of the call then fail with an error that
// wraps context.DeadlineExceeded and so, to errors.As, has a Timeout method. If
// d is zero or less there is no bound, and Timeout returns fn itself.
//
// A fn that does not heed its context goes on alone. What it returns then is
// dropped, and so is a panic. The batch's slot is free by then, so calls may
// overlap even with one slot: put a [Limit] inside to bound them. The wait for
// its slots then counts within d. fn runs in a goroutine of its own, which ends
// when fn returns, and with a copy of the requests, for it may outlive their
// batch.
//
// If ctx ends before d, that is passed on to fn and nothing more: fn still has
// until d to return, so that cancellation alone never makes calls overlap.
// Timeout panics if fn is nil.
func Timeout[Req, Res any](fn batcher.Func[Req, Res], d time.Duration) batcher.Func[Req, Res] {
	need("Timeout", fn)
	if d <= 0 {
		return fn
	}
	late := fmt.Errorf("middleware: no answer from Func within %v: %w", d, context.DeadlineExceeded)
	return func(ctx context.Context, reqs []Req) ([]Res, error) {
		deadline := time.Now().Add(d)
		ctx, cancel := context.WithDeadlineCause(ctx, deadline, late)
		defer cancel()
		r := launch(ctx, fn, slices.Clone(reqs))
		select {
		case <-r.done:
		case <-ctx.Done():
			if left := time.Until(deadline); left > 0 { // the context outside ended it
				r.wait(left)
			}
		}
		select {
		case <-r.done:
			return r.unpack(ctx, late)
		default:
			return nil, late
		}
	}
}

// running is a Func in a goroutine of its own.
type running[Res any] struct {
	done    chan struct{} // closed when Func has ended; what follows is set then
	outcome outcome[Res]
	goexit  bool
}

func launch[Req, Res any](ctx context.Context, fn batcher.Func[Req, Res], reqs []Req) *running[Res] {
	r := &running[Res]{done: make(chan struct{}), goexit: true}
	go func() {
		defer close(r.done)
		r.outcome = call(ctx, fn, reqs)
		r.goexit = false
	}()
	return r
}

// wait waits for Func, for d at most.
func (r *running[Res]) wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-r.done:
	case <-timer.C:
	}
}

// unpack returns what Func returned, or ends its goroutine as Func did. A Func
// that heeds its context fails at the very instant at which others are given
// up, all its requests or some; that this is a race must not show in an error.
func (r *running[Res]) unpack(ctx context.Context, late error) ([]Res, error) {
	switch {
	case r.goexit:
		runtime.Goexit()
	case context.Cause(ctx) != late:
	case r.outcome.err != nil:
		return nil, late
	default:
		r.outcome.each = slices.Clone(r.outcome.each) // Func may return the same slice again
		for i, err := range r.outcome.each {
			if err != nil {
				r.outcome.each[i] = late
			}
		}
	}
	return r.outcome.unpack()
}
