package durable

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/gateway"
	"github.com/gobatcher/batcher/natsbatch"
)

// dispatcher has the items of one route processed by the workers of its queue.
type dispatcher struct {
	client        *natsbatch.Client[request, answer]
	weight, bytes int // most of an item; zero or less: no limit

	submitted, succeeded, failures atomic.Uint64
}

// newDispatcher returns a dispatcher for the items of this route.
func newDispatcher(l *Link, q natsbatch.Queue, r gateway.Route) (*dispatcher, error) {
	ctx, cancel := l.setup()
	defer cancel()
	client, err := natsbatch.NewClient[request, answer](ctx, l.Conn, q, natsbatch.ClientOptions{Trace: traceOf})
	if err != nil {
		return nil, err
	}
	return &dispatcher{client: client, weight: r.MaxWeight, bytes: r.MaxBatchBytes}, nil
}

// Dispatch submits every item by itself: workers bring it together with those of
// other callers and other processes. An item over a limit of a batch fails its call
// before any of its items is submitted.
func (d *dispatcher) Dispatch(ctx context.Context, key gateway.Key, items []gateway.Item) ([]gateway.Outcome, error) {
	for _, item := range items {
		if d.weight > 0 && item.Weight > d.weight || d.bytes > 0 && len(item.Data) > d.bytes {
			return nil, batcher.ErrTooHeavy
		}
	}
	group := natsbatch.Group(groupOf(key))
	outcomes, errs := make([]gateway.Outcome, len(items)), make([]error, len(items))
	if len(items) == 1 {
		outcomes[0], errs[0] = d.do(ctx, request{key, items[0]}, group)
		return outcomes, errs[0]
	}
	var all sync.WaitGroup
	for i, item := range items {
		all.Go(func() { outcomes[i], errs[i] = d.do(ctx, request{key, item}, group) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return outcomes, nil
}

func (d *dispatcher) do(ctx context.Context, req request, group natsbatch.Option) (gateway.Outcome, error) {
	d.submitted.Add(1)
	a, err := d.client.Do(ctx, req, group)
	outcome, err := answered(len(req.Item.Data), a, err)
	if err != nil {
		d.failures.Add(1)
	} else {
		d.succeeded.Add(1)
	}
	return outcome, err
}

func (d *dispatcher) Shutdown(ctx context.Context) error { return d.client.Shutdown(ctx) }

func (d *dispatcher) Stats() batcher.Stats {
	s := batcher.Stats{Succeeded: d.succeeded.Load(), Failed: d.failures.Load()}
	s.Submitted = d.submitted.Load() // last: what was answered has been submitted
	s.Pending = int(s.Submitted - s.Succeeded - s.Failed)
	return s
}
