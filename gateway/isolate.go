package gateway

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/middleware"
)

// isolate is exchange with [middleware.Isolate] around it, for whole calls: what
// a caller asks for at once is refused as a whole, as if it had been sent alone.
// Calls run again in halves until each one to blame is alone, however many there
// are: n calls take at most 2n-2 upstream calls more, so fewer than twice as many
// as without a gateway.
func (p *processor) isolate(ctx context.Context, items []Item) ([]Outcome, error) {
	outcomes, err := p.exchange(ctx, items)
	info, _ := batcher.FromContext(ctx)
	if err == nil || !p.repeatable(err) || isOneCall(items, info.Requests) {
		return outcomes, err
	}
	first := true
	again := func(_ context.Context, portions []portion) ([][]Outcome, error) {
		if first { // the exchange above
			first = false
			return nil, err
		}
		return p.resend(ctx, info, portions)
	}
	portions := portionsOf(items, info.Requests)
	goesOn := context.WithoutCancel(ctx) // else callers left when ctx ends would get err, which may be another's
	each, err := middleware.Isolate(again, p.repeatable, -1)(goesOn, portions)
	return spread(portions, each, err, len(items))
}

// portion is the part of a batch that belongs to one call.
type portion struct {
	caller context.Context
	at     []int // places in the batch
	items  []Item
}

// isOneCall reports whether a batch is all one call's.
func isOneCall(items []Item, callers []context.Context) bool {
	if len(items) == 1 {
		return true
	}
	for i := range items {
		if caller(callers, i) == nil || caller(callers, i) != caller(callers, 0) {
			return false
		}
	}
	return true
}

// caller returns the call that item i is of, nil where a Dispatcher that is not
// the route's own does not tell.
func caller(callers []context.Context, i int) *visit {
	if i >= len(callers) {
		return nil
	}
	v, _ := callers[i].(*visit)
	return v
}

// portionsOf divides a batch by calls, in the order of their first items. Where
// nothing is known of the calls, each item counts as one.
func portionsOf(items []Item, callers []context.Context) []portion {
	var portions []portion
	of := make(map[*visit]int)
	for i, item := range items {
		v := caller(callers, i)
		k, known := of[v]
		if v == nil || !known {
			k = len(portions)
			of[v] = k
			portions = append(portions, portion{caller: context.Background()})
			if i < len(callers) {
				portions[k].caller = callers[i]
			}
		}
		portions[k].at = append(portions[k].at, i)
		portions[k].items = append(portions[k].items, item)
	}
	return portions
}

// resend exchanges portions of a batch, without those that nobody waits for
// any more. It ends when nobody waits for any of them.
func (p *processor) resend(ctx context.Context, info batcher.Info, portions []portion) ([][]Outcome, error) {
	if ctx.Err() != nil {
		return nil, lost(ctx, nil)
	}
	gone := make(batcher.Errors, len(portions))
	var items []Item
	info.Requests = nil
	for i, of := range portions {
		if gone[i] = context.Cause(of.caller); gone[i] != nil {
			continue
		}
		items = append(items, of.items...)
		for range of.items {
			info.Requests = append(info.Requests, of.caller)
		}
	}
	each := make([][]Outcome, len(portions))
	if len(items) == 0 {
		return each, gone
	}
	info.Size, info.Weight = len(items), weigh(items)
	ctx, end := whileAwaited(ctx, portions)
	defer end()
	outcomes, err := p.exchange(batcher.WithInfo(ctx, info), items)
	if err != nil {
		return nil, err
	}
	for i, of := range portions {
		if gone[i] == nil {
			each[i], outcomes = outcomes[:len(of.items)], outcomes[len(of.items):]
		}
	}
	return each, gone
}

// whileAwaited returns a context that ends with ctx, or when the callers of all
// portions have left. end must be called.
func whileAwaited(ctx context.Context, portions []portion) (_ context.Context, end func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	var here atomic.Int64
	here.Store(int64(len(portions)))
	stops := make([]func() bool, len(portions))
	for i, of := range portions {
		stops[i] = context.AfterFunc(of.caller, func() {
			if here.Add(-1) == 0 {
				cancel(context.Cause(of.caller))
			}
		})
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		cancel(nil)
	}
}

// spread lays out by item what became of portions of a batch of n items.
func spread(portions []portion, each [][]Outcome, err error, n int) ([]Outcome, error) {
	var failures batcher.Errors
	if err != nil && !errors.As(err, &failures) {
		return nil, err
	}
	outcomes, errs := make([]Outcome, n), make(batcher.Errors, n)
	for i, of := range portions {
		for k, at := range of.at {
			if failures != nil && failures[i] != nil {
				errs[at] = failures[i]
			} else {
				outcomes[at] = each[i][k]
			}
		}
	}
	if failures == nil {
		return outcomes, nil
	}
	return outcomes, errs
}
