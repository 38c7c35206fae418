package modeltest

import (
	"context"
	"time"

	"github.com/gobatcher/batcher"
)

// ContextKind is with what context a request is submitted.
type ContextKind uint8

// The contexts that a request comes with.
const (
	Background ContextKind = iota
	Shared0                // canceled by an operation, with context.Canceled
	Shared1                // and with another cause
	Timeout                // after a while
	Ended                  // before
)

// Watch is how the answer is looked for.
type Watch uint8

// How an answer is watched for.
const (
	WatchWait Watch = iota // somebody waits all the time
	WatchDone              // for Future.Done
	WatchPoll              // at each look
	WatchLate              // only at the end
)

// call is one request in reality.
type call struct {
	*ask
	ctx    context.Context
	watch  Watch
	future batcher.Future[int]
	known  bool // future is set, and the plan may use it
	reply  *reply
}

// reply is what a caller got, and when.
type reply struct {
	value int
	err   error
	at    instant
}

// sharedContext is a context that several requests share.
type sharedContext struct {
	context.Context
	cancel context.CancelCauseFunc
	cause  error
	asks   []*ask
}

func (d *driver) renew(j int) {
	s := &d.shared[j]
	*s = sharedContext{cause: context.Canceled}
	s.Context, s.cancel = context.WithCancelCause(context.Background())
	if j == 1 {
		s.cause = causeError(len(d.calls))
	}
}

// newCall makes the next request, and makes it known to all worlds.
func (d *driver) newCall(op Op, do bool) *call {
	d.fork()
	c := &call{ask: &ask{Request: op.Req, do: do, deadline: never}, watch: op.Watch}
	c.ID = len(d.calls)
	if d.keyed == nil {
		c.Key = 0
	}
	d.setContext(c, op)
	d.calls = append(d.calls, c)
	d.asks = append(d.asks, c.ask)
	for _, w := range d.worlds {
		w.answers, w.freed = append(w.answers, fate{}), append(w.freed, fate{})
		if c.deadline <= d.now {
			w.lapsed = within(w.lapsed, c.ID)
		}
	}
	return c
}

func (d *driver) setContext(c *call, op Op) {
	base, cancel := context.Background(), context.CancelFunc(nil)
	switch op.Context {
	case Shared0, Shared1:
		s := &d.shared[op.Context-Shared0]
		base, c.cause = s.Context, s.cause
		s.asks = append(s.asks, c.ask)
	case Timeout:
		c.cause, c.deadline = context.DeadlineExceeded, d.now+op.Span
		base, cancel = context.WithDeadline(base, d.start.Add(c.deadline))
	case Ended:
		c.cause, c.ended = causeError(c.ID), true
		ctx, end := context.WithCancelCause(base)
		end(c.cause)
		base = ctx
	}
	if cancel != nil {
		d.cancels = append(d.cancels, cancel)
	}
	c.ctx = context.WithValue(base, idKey{}, c.ID)
}

// record notes what a caller got.
func (d *driver) record(c *call, value int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c.reply = &reply{value, err, time.Since(d.start)}
}

// follow looks for the answer as the plan says.
func (d *driver) follow(c *call) {
	switch c.watch {
	case WatchDone:
		<-c.future.Done()
		fallthrough
	case WatchWait:
		value, err := c.future.Wait(context.Background())
		d.record(c, value, err)
	}
}

// settled is a context that has ended, to look whether an answer is there.
var settled = func() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errNotYet)
	return ctx
}()

const errNotYet = causeError(-1)

// poll looks whether the answer is there.
func (d *driver) poll(c *call) {
	value, err := c.future.Wait(settled)
	if err != errNotYet {
		d.record(c, value, err)
	}
}
