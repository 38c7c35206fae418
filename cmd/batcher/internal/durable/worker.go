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

// newWorker asks the upstream of a route for the items in its queue. r says
// all of its limits; that it has a dispatcher too does not matter.
func newWorker(l *Link, q natsbatch.Queue, r gateway.Route, observer gateway.Observer) (*natsbatch.Worker, error) {
	process, err := r.Process(observer)
	if err != nil {
		return nil, err
	}
	p := &processor{process: process, weight: r.MaxWeight, bytes: r.MaxBatchBytes, timeout: r.Timeout}
	ctx, cancel := l.setup()
	defer cancel()
	return natsbatch.NewGroupWorker(ctx, l.Conn, q, p.run, natsbatch.WorkerOptions{Batch: batching(r), Timeout: -1}) // the processor's counts
}

// batching is how the route says that batches are to be formed.
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
	weight, bytes int           // the most of both in an upstream call; zero and less: no limit
	timeout       time.Duration // that callers wait, so that nobody waits for an upstream call any longer; likewise
}

// run answers requests of one group, and so of one key. What is wrong with one
// is its answer, with all that its caller is to be told; it is not tried again,
// for the caller waits and decides. Only what a shutdown cuts off goes back to
// the queue.
func (p *processor) run(ctx context.Context, _ string, reqs []request) ([]answer, error) {
	var answers []answer
	for len(reqs) > 0 {
		n := p.fit(reqs)
		some := p.call(ctx, reqs[:n])
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil, natsbatch.Retry(context.Cause(ctx))
		}
		answers, reqs = append(answers, some...), reqs[n:]
	}
	return answers, nil
}

// fit is how many of the requests one upstream call takes: one or more. The
// queue counts requests; what else limits a batch is seen to here.
func (p *processor) fit(reqs []request) int {
	weight, bytes := 0, 0
	for i, req := range reqs {
		weight, bytes = weight+max(1, req.Item.Weight), bytes+len(req.Item.Data)
		if i > 0 && (p.weight > 0 && weight > p.weight || p.bytes > 0 && bytes > p.bytes) {
			return i
		}
	}
	return len(reqs)
}

// call is one upstream call.
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

// errorsOf gives the errors of n single requests if err holds them.
func errorsOf(err error, n int) (batcher.Errors, bool) {
	var each batcher.Errors
	if !errors.As(err, &each) || len(each) != n {
		return nil, false
	}
	return each, true
}

// asError makes an error one that can cross machines.
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
