package otelbatch

import (
	"context"
	"time"

	"github.com/gobatcher/batcher"
)

// Func returns a Func that does what fn does, and measures each call and gives
// it a span, as the package's documentation says. It changes no request, result
// or error, and a panic or a runtime.Goexit of fn passes through it.
//
// The span is in the context that fn gets. The cost is a few allocations per
// call, and one look-up per request whose context holds a span. Func panics if
// fn or t is nil.
func Func[Req, Res any](fn batcher.Func[Req, Res], t *Telemetry) batcher.Func[Req, Res] {
	if fn == nil {
		panic("otelbatch: Func of a nil Func")
	}
	t.must("Func")
	return func(ctx context.Context, reqs []Req) (res []Res, err error) {
		c := t.enter(ctx, len(reqs))
		defer func() { c.leave(len(res), err) }()
		res, err = fn(c.ctx, reqs)
		c.returned = true
		return res, err
	}
}

// KeyedFunc is [Func] for what [batcher.NewKeyed] takes. The key is not
// reported: there may be very many. KeyedFunc panics if fn or t is nil.
func KeyedFunc[K comparable, Req, Res any](fn func(ctx context.Context, key K, reqs []Req) ([]Res, error), t *Telemetry) func(ctx context.Context, key K, reqs []Req) ([]Res, error) {
	if fn == nil {
		panic("otelbatch: KeyedFunc of a nil function")
	}
	t.must("KeyedFunc")
	return func(ctx context.Context, key K, reqs []Req) ([]Res, error) {
		return Func(func(ctx context.Context, reqs []Req) ([]Res, error) { return fn(ctx, key, reqs) }, t)(ctx, reqs)
	}
}

// call is one call of a Func.
type call struct {
	t        *Telemetry
	ctx      context.Context // what the Func gets
	span     batchSpan
	info     batcher.Info
	batched  bool // info is a batch's
	size     int
	began    time.Time
	returned bool // the Func did; else it panicked or called runtime.Goexit
}

func (t *Telemetry) enter(ctx context.Context, size int) *call {
	c := &call{t: t, size: size, began: time.Now()}
	c.info, c.batched = batcher.FromContext(ctx)
	c.ctx, c.span = t.startSpan(ctx, c)
	return c
}

// queued is how long the batch's first request has waited.
func (c *call) queued() time.Duration {
	return max(0, c.began.Sub(c.info.Opened))
}

func (c *call) leave(results int, err error) {
	ran := time.Since(c.began)
	f := c.judge(results, err)
	c.t.record(c, ran, f)
	c.span.end(f)
}
