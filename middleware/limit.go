package middleware

import (
	"cmp"
	"context"

	"github.com/gobatcher/batcher"
)

// Limit bounds how many calls of all Funcs that share slots run at once, to
// cap(slots), over however many Batchers:
//
//	slots := make(chan struct{}, 8)
//	users := batcher.New(middleware.Limit(insertUsers, slots), opts)
//	orders := batcher.New(middleware.Limit(insertOrders, slots), opts)
//
// A call waits for its turn, first come first served, and takes one slot
// however many requests it has: it sends one element to slots and receives one
// when fn has returned, panicked or ended its goroutine. The wait ends when ctx
// does: all requests of the call then fail with ctx's cause, and fn is not
// called.
//
// slots must be used for nothing else. Never nest two Limits with the same
// slots: each could wait for the other. Limit panics if fn is nil or slots has
// no capacity.
func Limit[Req, Res any](fn batcher.Func[Req, Res], slots chan struct{}) batcher.Func[Req, Res] {
	need("Limit", fn)
	if cap(slots) == 0 {
		panic("middleware: Limit with slots of no capacity")
	}
	return func(ctx context.Context, reqs []Req) ([]Res, error) {
		select {
		case slots <- struct{}{}: // without Done, which costs a batch its context's channel
		default:
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return nil, cmp.Or(context.Cause(ctx), batcher.ErrCanceled) // ctx, not the standard library's, may close Done before it sets Err
			}
		}
		defer func() { <-slots }()
		return fn(ctx, reqs)
	}
}
