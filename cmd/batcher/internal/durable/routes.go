package durable

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
	"github.com/gobatcher/batcher/gateway"
	"github.com/gobatcher/batcher/natsbatch"
)

// Routes are the queues of one configuration's routes, seen from this process.
// The zero Routes have none. Its methods but Dispatcher and Work are safe for
// concurrent use.
type Routes struct {
	link *Link
	all  []*queued
}

// queued is the queue of one route.
type queued struct {
	name       string
	queue      natsbatch.Queue
	admin      *natsbatch.Admin
	dispatcher *dispatcher       // nil: this process submits nothing
	worker     *natsbatch.Worker // nil: other processes work
	upstream   gateway.Upstream  // of the worker
}

// NewRoutes returns a Routes for the queues of l. What is missing of those that are used
// already is made again: that is for operators who have the configuration read again.
func NewRoutes(l *Link) *Routes {
	l.mend()
	return &Routes{link: l}
}

// at returns the queue of a route, and sets it up if need be.
func (rs *Routes) at(c *config.Config, name string) (*queued, error) {
	for _, q := range rs.all {
		if q.name == name {
			return q, nil
		}
	}
	q := &queued{name: name, queue: routeQueue(c, name)}
	ctx, cancel := rs.link.setup()
	defer cancel()
	var err error
	if q.admin, err = rs.link.admin(ctx, q.queue); err != nil {
		return nil, fmt.Errorf("route %s: %w", name, err)
	}
	rs.all = append(rs.all, q)
	return q, nil
}

// Dispatcher returns a dispatcher that has the items of a route processed by the
// workers of its queue. All limits of r must be set.
func (rs *Routes) Dispatcher(c *config.Config, r gateway.Route) (gateway.Dispatcher, error) {
	q, err := rs.at(c, r.Name)
	if err != nil {
		return nil, err
	}
	if q.dispatcher, err = newDispatcher(rs.link, q.queue, r); err != nil {
		return nil, fmt.Errorf("route %s: %w", r.Name, err)
	}
	return q.dispatcher, nil
}

// Work starts a worker for the queue of a route. The upstream of r belongs to the
// Routes from then on.
func (rs *Routes) Work(c *config.Config, r gateway.Route, observer gateway.Observer) error {
	q, err := rs.at(c, r.Name)
	if err != nil {
		return err
	}
	q.upstream = r.Upstream
	if q.worker, err = newWorker(rs.link, q.queue, r, observer); err != nil {
		return fmt.Errorf("route %s: %w", r.Name, err)
	}
	rs.link.tally.begin(r.Name, q.worker)
	return nil
}

// Shutdown ends the work: it finishes what is running, and hands the rest back to the
// queues at once. Dispatchers are shut down by the gateway that uses them.
func (rs *Routes) Shutdown(ctx context.Context) error {
	errs := make([]error, len(rs.all))
	var all sync.WaitGroup
	for i, q := range rs.all {
		all.Go(func() {
			rs.link.used.end(q.admin)
			if q.worker != nil {
				errs[i] = q.worker.Shutdown(ctx)
				rs.link.tally.end(q.worker)
			}
			if q.upstream != nil {
				errs[i] = errors.Join(errs[i], gateway.CloseUpstream(ctx, q.upstream))
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// Abandon is Shutdown for Routes whose dispatchers no gateway uses. Their workers
// may have taken requests already: those that run are finished too.
func (rs *Routes) Abandon(ctx context.Context) {
	ended, cancel := context.WithCancel(context.Background())
	cancel() // nothing has been dispatched
	for _, q := range rs.all {
		if q.dispatcher != nil {
			_ = q.dispatcher.Shutdown(ended)
		}
	}
	_ = rs.Shutdown(ctx)
}

// Health returns which queues do not work, and which workers get no requests or cannot
// store results, or nil.
func (rs *Routes) Health(ctx context.Context) error {
	errs := make([]error, len(rs.all))
	var all sync.WaitGroup
	for i, q := range rs.all {
		all.Go(func() { errs[i] = q.Health(ctx) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// Health is Routes.Health for one queue.
func (q *queued) Health(ctx context.Context) error {
	health := q.admin.Health
	if q.worker != nil {
		health = q.worker.Health // which asks the same, and more
	}
	if err := health(ctx); err != nil {
		return fmt.Errorf("route %s: %w", q.name, err)
	}
	return nil
}
