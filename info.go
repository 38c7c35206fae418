package batcher

import (
	"context"
	"sync"
	"time"
)

// Info describes the batch that a Func processes.
type Info struct {
	Size    int       // requests passed to Func
	Weight  int       // their total weight; Size without a Weigher
	Trigger Trigger   // what started the batch
	Opened  time.Time // when its first request came

	// Requests holds the context with which each request was submitted,
	// aligned with reqs, for the values in it (a trace, a tenant). It must not
	// be modified. If a caller leaves while Func runs because its context has
	// ended, it shows here.
	Requests []context.Context
}

// FromContext returns the Info of the batch that ctx belongs to, if ctx is the
// context of a Func or derived from one, and else false.
func FromContext(ctx context.Context) (Info, bool) {
	info, ok := ctx.Value(infoKey{}).(*Info)
	if !ok {
		return Info{}, false
	}
	return *info, true
}

// WithInfo returns a context from which [FromContext] returns info. It is for
// wrappers that call their Func with some of a batch's requests, and for tests
// of a Func. info.Requests must be aligned with the requests of that call.
func WithInfo(ctx context.Context, info Info) context.Context {
	return context.WithValue(ctx, infoKey{}, &info)
}

type infoKey struct{}

// funcContext is the context of one run of a Func. The costly parts (a done
// channel, a deadline's timer) are made when Func first asks for them: most
// never do, and a context of the standard library would cost each batch
// three allocations more. Its Value leads to a context of the standard library,
// so that contexts derived from it need no goroutine of their own.
type funcContext struct {
	ctxs    []context.Context // of the requests; nil where all are context.Background()
	entered time.Duration     // when Func was, on the pool's clock

	mu    sync.Mutex // guards what follows
	info  Info       // Requests is made when it is first asked for
	made  *madeContext
	cause error // why it ended
}

// madeContext is the part that is made when Func asks for it.
type madeContext struct {
	context.Context
	cancel context.CancelCauseFunc
	stop   context.CancelFunc // stops the deadline's timer
}

// Deadline is the latest of the callers' deadlines, none if one has none.
func (c *funcContext) Deadline() (latest time.Time, ok bool) {
	for _, ctx := range c.ctxs {
		d, ok := ctx.Deadline()
		if !ok {
			return time.Time{}, false
		}
		if d.After(latest) {
			latest = d
		}
	}
	return latest, c.ctxs != nil
}

// told returns the Info, complete with Requests.
func (c *funcContext) told() *Info {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.info.Requests == nil {
		c.info.Requests = c.ctxs
	}
	for len(c.info.Requests) < c.info.Size {
		c.info.Requests = append(c.info.Requests, context.Background())
	}
	return &c.info
}

// String is what fmt prints: it would look into the fields without the lock.
func (c *funcContext) String() string { return "batcher.Func" }

func (c *funcContext) Done() <-chan struct{} { return c.make().Done() }
func (c *funcContext) Err() error            { return c.make().Err() }

func (c *funcContext) Value(key any) any {
	if _, ok := key.(infoKey); ok {
		return c.told()
	}
	return c.make().Value(key)
}

// make makes the costly parts, once.
func (c *funcContext) make() *madeContext {
	c.mu.Lock()
	made := c.made
	c.mu.Unlock()
	if made != nil {
		return made
	}
	deadline, limited := c.Deadline() // calls the callers' contexts: not under mu
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.made != nil {
		return c.made
	}
	made = &madeContext{}
	made.Context, made.cancel = context.WithCancelCause(context.Background())
	if limited {
		made.Context, made.stop = context.WithDeadline(made.Context, deadline)
	}
	if c.cause != nil {
		made.end(c.cause)
	}
	c.made = made
	return made
}

func (m *madeContext) end(cause error) {
	m.cancel(cause)
	if m.stop != nil {
		m.stop()
	}
}

// end ends the context; the first cause counts.
func (c *funcContext) end(cause error) {
	c.mu.Lock()
	if c.cause == nil {
		c.cause = cause
	}
	made := c.made
	c.mu.Unlock()
	if made != nil {
		made.end(cause)
	}
}

// ended returns the cause that end was called with, nil if it was not called.
func (c *funcContext) ended() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}
