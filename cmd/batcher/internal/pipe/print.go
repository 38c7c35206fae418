package pipe

import (
	"context"
	"errors"

	"github.com/gobatcher/batcher"
)

// printInOrder prints the result of each claim in the queue, or reports its
// failure, until the queue is closed and empty. It flushes whenever it has to wait.
// If the pipe is unordered, the queue holds only the lines that were refused.
func (p *pipe) printInOrder() {
	var claims []claim
	for more := true; more; {
		claims, more = p.queue.take(claims)
		for i, c := range claims {
			p.printClaim(c)
			claims[i] = claim{} // it holds on to its whole batch
		}
		if len(claims) == 0 && more {
			p.flush()
			<-p.queue.news
		}
	}
	p.flush()
}

// errNotYet is the error of a claim that is not answered yet, if it is not waited
// for.
var errNotYet = errors.New("not answered yet")

// noWait is a context that has ended: a Wait with it does not wait. Future.Done would
// cost a channel for each line.
var noWait = func() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errNotYet)
	return ctx
}()

func (p *pipe) printClaim(c claim) {
	var result []byte
	err := c.refused
	if err == nil {
		result, err = p.await(c.result)
	}
	p.output.Lock()
	defer p.output.Unlock()
	p.print(c.number, result, err)
}

func (p *pipe) await(f batcher.Future[[]byte]) ([]byte, error) {
	result, err := f.Wait(noWait)
	if err != nil && errors.Is(err, errNotYet) {
		p.flush()
		return f.Wait(context.Background())
	}
	return result, err
}

// printBatch prints the results of a batch, or reports its lines as failed.
func (p *pipe) printBatch(reqs []*request, results [][]byte, err error) {
	p.output.Lock()
	defer p.output.Unlock()
	for i, req := range reqs {
		var result []byte
		if err == nil {
			result = results[i]
		}
		p.print(req.number, result, err)
	}
	p.output.flush()
}

// print prints a result or reports a failure. It does neither for a line that got
// no answer: the ledger has that at the end. p.output is locked.
func (p *pipe) print(number int64, result []byte, err error) {
	switch {
	case err == nil:
		p.output.print(number, result)
	case errors.Is(err, errKilled), errors.Is(err, batcher.ErrClosed):
	default:
		p.output.fail(number, err)
	}
}

func (p *pipe) flush() {
	p.output.Lock()
	defer p.output.Unlock()
	p.output.flush()
}

// settle notes lines as dealt with, which makes room for others.
func (p *pipe) settle(lines spans, failed int64) {
	p.ledger.settle(lines, failed)
	p.window.give(int(lines.count()))
}
