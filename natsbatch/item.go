package natsbatch

import (
	"context"
	"strconv"
	"time"

	"github.com/gobatcher/batcher/natsbatch/internal/wire"
)

// item is one request in a worker. It is the context with which it enters the
// Batcher: that has the request's deadline and never ends by itself, so that
// it costs neither a timer nor a watch.
type item struct {
	from   *delivery
	req    *wire.Request
	weight int
}

var _ context.Context = (*item)(nil)

// Deadline returns the request's.
func (it *item) Deadline() (time.Time, bool) {
	if it.req.Deadline == 0 {
		return time.Time{}, false
	}
	return time.UnixMilli(it.req.Deadline), true
}

// Done returns nil: a request is never withdrawn from a worker.
func (it *item) Done() <-chan struct{} { return nil }

// Err returns nil.
func (it *item) Err() error { return nil }

// Value returns the item, for MetaFrom.
func (it *item) Value(key any) any {
	if _, ok := key.(metaKey); ok {
		return it
	}
	return nil
}

// Weight makes the Batcher count bytes.
func (it *item) Weight() int { return it.weight }

func (it *item) expired(now time.Time) bool {
	return it.req.Deadline != 0 && now.UnixMilli() >= it.req.Deadline
}

func (it *item) meta() Meta {
	e := it.from.envelope
	m := Meta{ID: it.req.ID, Group: it.req.Group, Trace: it.req.Trace, Priority: it.from.priority, Tries: it.from.tries}
	if e.Kind != wire.KindKey {
		m.ID = e.From + "." + strconv.FormatUint(e.Number, 10) + "." + strconv.FormatUint(it.req.Index, 10)
	}
	m.Deadline, _ = it.Deadline()
	return m
}
