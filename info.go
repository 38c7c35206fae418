package batcher

import (
	"context"
	"sync"
	"time"
)

// Info is what a Func may know of the batch it processes.
type Info struct {
	Size    int       // requests passed to Func
	Weight  int       // their total weight; Size without a Weigher
	Trigger Trigger   // what started the batch
	Opened  time.Time // when its first request came

	// Requests holds each request's submit context, aligned with reqs, for
	// what it carries (a trace, a tenant). It must not be modified. Who left
	// while Func runs is seen by that context having ended.
	Requests []context.Context
}

// FromContext gives the Info of the batch that ctx, the context of a Func or
// one derived from it, belongs to; false if it belongs to none.
func FromContext(ctx context.Context) (Info, bool) {
	c, ok := ctx.Value(infoKey{}).(*funcContext)
	if !ok {
		return Info{}, false
	}
	return c.info, true
}

type infoKey struct{}

// funcContext is the context of one run of a Func. What costs (a done
// channel, a deadline's timer) is made when Func first asks for it: most
// never do, and a context of the standard library would cost each batch
// three allocations. It hands the library's own inner context on, so that
// contexts derived from it need no goroutine of their own.
type funcContext struct {
	info Info

	once  sync.Once
	inner context.Context // set by once

	mu     sync.Mutex // guards what follows
	cancel context.CancelCauseFunc
	stop   context.CancelFunc // stops the deadline's timer
	cause  error              // why it ended
}

// Deadline is the latest of the callers' deadlines, none if one has none.
func (c *funcContext) Deadline() (latest time.Time, ok bool) {
	for _, ctx := range c.info.Requests {
		d, ok := ctx.Deadline()
		if !ok {
			return time.Time{}, false
		}
		if d.After(latest) {
			latest = d
		}
	}
	return latest, true
}

func (c *funcContext) Done() <-chan struct{} { return c.std().Done() }
func (c *funcContext) Err() error            { return c.std().Err() }

func (c *funcContext) Value(key any) any {
	if _, ok := key.(infoKey); ok {
		return c
	}
	return c.std().Value(key)
}

// std gives the inner context, made on first use.
func (c *funcContext) std() context.Context {
	c.once.Do(func() {
		deadline, limited := c.Deadline()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.inner, c.cancel = context.WithCancelCause(context.Background())
		if limited {
			c.inner, c.stop = context.WithDeadline(c.inner, deadline)
		}
		if c.cause != nil {
			c.cancel(c.cause)
		}
	})
	return c.inner
}

// end ends the context; the first cause counts.
func (c *funcContext) end(cause error) {
	c.mu.Lock()
	if c.cause == nil {
		c.cause = cause
	}
	cancel, stop := c.cancel, c.stop
	c.mu.Unlock()
	if cancel != nil {
		cancel(cause)
	}
	if stop != nil {
		stop()
	}
}

// ended gives why end was called, nil if it was not.
func (c *funcContext) ended() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}
