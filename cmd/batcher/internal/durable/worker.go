package durable

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/gateway"
	"github.com/gobatcher/batcher/natsbatch"
)

// newWorker starts a worker that calls the upstream of a route for the items in its
// queue. All limits of r must be set; its Dispatcher does not matter.
func newWorker(l *Link, q natsbatch.Queue, r gateway.Route, observer gateway.Observer) (*natsbatch.Worker, error) {
	process, err := r.Process(observer)
	if err != nil {
		return nil, err
	}
	p := &processor{process: process, weight: r.MaxWeight, bytes: r.MaxBatchBytes, timeout: r.Timeout}
	ctx, cancel := l.setup()
	defer cancel()
	return natsbatch.NewGroupWorker(ctx, l.Conn, q, p.run, natsbatch.WorkerOptions{Batch: batching(r), Timeout: -1}) // the processor has one
}

// batching returns how the route says that batches are to be formed.
func batching(r gateway.Route) batcher.Options {
	return batcher.Options{
		MaxSize:       max(0, r.MaxItems),
		MinSize:       r.MinItems,
		Delay:         r.Delay,
		TargetTime:    r.TargetTime,
		MaxConcurrent: r.MaxConcurrent,
	}
}

// processor has batches of requests answered.
type processor struct {
	process       gateway.Process
	weight, bytes int           // most of both in an upstream call; zero or less: no limit
	timeout       time.Duration // of an upstream call, since callers wait no longer; likewise
}

// run answers requests of one group, and so of one key. The error of one is its
// answer, with all that its caller needs to know; it is not tried again, since the
// caller is waiting and decides that. Only requests that a shutdown cuts off go back
// to the queue.
func (p *processor) run(ctx context.Context, _ string, reqs []request) ([]answer, error) {
	answers := make([]answer, 0, len(reqs))
	for from := 0; from < len(reqs); from = len(answers) {
		to := from + p.fit(reqs[from:])
		some := p.call(part(ctx, from, to), reqs[from:to])
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil, natsbatch.Retry(context.Cause(ctx))
		}
		answers = append(answers, some...)
	}
	return answers, nil
}

// part returns the context of an upstream call for the requests from one place of the
// batch to before another: its Info is of these, each in its trace.
func part(ctx context.Context, from, to int) context.Context {
	info, ok := batcher.FromContext(ctx)
	if !ok || len(info.Requests) < to {
		return ctx
	}
	callers := make([]context.Context, to-from)
	for i, caller := range info.Requests[from:to] {
		callers[i] = traced(caller, caller)
	}
	info.Size, info.Requests = to-from, callers
	return batcher.WithInfo(ctx, info) // with the Weight of the whole: Process counts that anew
}

// fit returns how many of the requests one upstream call takes: one or more. The
// queue counts requests; the other limits of a batch are applied here.
func (p *processor) fit(reqs []request) int {
	weight, bytes := 0, 0
	for i, req := range reqs {
		heavy, long := max(1, req.Item.Weight), len(req.Item.Data)
		if i > 0 && (p.weight > 0 && heavy > p.weight-weight || p.bytes > 0 && long > p.bytes-bytes) {
			return i
		}
		weight, bytes = weight+heavy, bytes+long
	}
	return len(reqs)
}

// call makes one upstream call.
func (p *processor) call(ctx context.Context, reqs []request) []answer {
	items := make([]gateway.Item, len(reqs))
	for i, req := range reqs {
		items[i] = req.Item
	}
	if p.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.timeout)
		defer cancel()
	}
	outcomes, err := p.process(ctx, reqs[0].Key, items)
	each, some := errorsOf(err, len(reqs))
	answers := make([]answer, len(reqs))
	for i := range answers {
		switch {
		case some && each[i] != nil:
			err = each[i]
		case err != nil && !some:
		case len(outcomes) != len(reqs):
			err = fmt.Errorf("%d outcomes for %d items", len(outcomes), len(reqs))
		default:
			answers[i].Outcome = &outcomes[i]
			continue
		}
		answers[i].Error = asError(err)
	}
	return answers
}

// errorsOf returns the errors of n single requests if err holds them.
func errorsOf(err error, n int) (batcher.Errors, bool) {
	var each batcher.Errors
	if !errors.As(err, &each) || len(each) != n {
		return nil, false
	}
	return each, true
}

// asError turns an error into one that can be sent to another machine.
func asError(err error) *gateway.Error {
	var own *gateway.Error
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &timeout) && timeout.Timeout():
		return gateway.Errorf(504, "no answer in time")
	}
	return gateway.Errorf(502, "%v", err)
}
