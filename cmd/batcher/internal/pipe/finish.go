package pipe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"
)

var (
	errGraceOver = errors.New("the grace period is over")
	errLeftOver  = errors.New("left over: fewer lines than --min-size, and --strict-size is set")
)

// outputError is why results cannot be written.
type outputError struct{ error }

func (e outputError) Error() string { return "writing standard output: " + e.error.Error() }
func (e outputError) Unwrap() error { return e.error }

// isGone reports whether nobody reads the results any more, as after head -1.
func (e outputError) isGone() bool {
	return errors.Is(e, syscall.EPIPE) || errors.Is(e, io.ErrClosedPipe)
}

// lastWrites is how long the last writes may take when everything has ended: their
// reader may be stuck.
const lastWrites = time.Second

// wait waits for done, but once p.cut has ended only as long as the last writes may
// take.
func (p *pipe) wait(done <-chan struct{}) {
	select {
	case <-done:
		return
	case <-p.cut.Done():
	}
	select {
	case <-done:
	case <-time.After(lastWrites):
	}
}

// windDown runs when p.ctx ends, and limits the time that is left.
func (p *pipe) windDown() {
	defer close(p.noticed)
	if p.cut.Err() != nil {
		return // no time is left
	}
	time.AfterFunc(p.cfg.Grace, func() { p.endCut(errGraceOver) })
	if n := p.ledger.unanswered().count(); n > 0 && p.cfg.Grace > 0 {
		fmt.Fprintf(p.console, "batcher: %v: finishing %d accepted lines within %v; a second signal ends at once\n",
			context.Cause(p.ctx), n, p.cfg.Grace)
	}
}

// finish waits until all accepted lines are answered and printed is closed, or
// until p.cut ends.
func (p *pipe) finish(printed <-chan struct{}) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = p.batcher.Shutdown(p.cut)
		_ = p.batcher.Close() // Shutdown does not wait for Funcs that it has canceled
		p.queue.close()
		<-printed
	}()
	p.wait(ended)
}

// verdict reports what is left without an answer, and returns the error of Run.
func (p *pipe) verdict(readErr error) error {
	var broken outputError
	switch cause := context.Cause(p.ctx); {
	case cause == nil:
		p.reportLeftOver()
	case !errors.As(cause, &broken):
		p.sayWhatIsLeft(cause)
		return cause
	case !broken.isGone():
		p.sayWhatIsLeft(cause)
		return ErrFailed
	}
	if readErr != nil {
		return readErr
	}
	if _, _, failed := p.ledger.counts(); failed > 0 {
		return ErrFailed
	}
	return nil
}

// reportLeftOver reports the lines that no batch took at the end.
func (p *pipe) reportLeftOver() {
	p.output.Lock()
	defer p.output.Unlock()
	for _, s := range p.ledger.unanswered() {
		for number := s.first; number <= s.last; number++ {
			p.output.fail(number, errLeftOver)
		}
	}
	p.output.flush()
}

// sayWhatIsLeft reports what is left, after what windDown has reported.
func (p *pipe) sayWhatIsLeft(cause error) {
	said := make(chan struct{})
	go func() {
		defer close(said)
		<-p.noticed
		fmt.Fprintln(p.console, p.whatIsLeft(cause))
	}()
	p.wait(said)
}

func (p *pipe) whatIsLeft(cause error) string {
	read, printed, failed := p.ledger.counts()
	if cut := context.Cause(p.cut); cut != nil && !errors.Is(cut, cause) {
		cause = fmt.Errorf("%w, %w", cause, cut)
	}
	text := fmt.Sprintf("batcher: %v: %d lines read, %d printed, %d failed", cause, read, printed, failed)
	if left := p.ledger.unanswered(); len(left) > 0 {
		text += fmt.Sprintf("; %d left without an answer: %v", left.count(), left)
	}
	return text
}
