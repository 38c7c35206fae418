package natsbatch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/natsbatch/internal/wire"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// get is Client.Get with bytes.
func (fe *frontEnd) get(ctx context.Context, h Handle) ([]byte, error) {
	if h.frontEnd == fe.id {
		if o, ok, _ := fe.futures.look(h); ok {
			return outcome(o)
		}
	}
	o, err := fe.stored(ctx, h)
	if err != nil {
		return nil, err
	}
	return outcome(o)
}

// wait is Client.Wait with bytes.
func (fe *frontEnd) wait(ctx context.Context, h Handle) ([]byte, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	if h.frontEnd == fe.id {
		if o, ok, err := fe.futures.wait(ctx, fe.life, h); err != nil {
			return nil, err
		} else if ok {
			return outcome(o)
		}
	}
	return fe.waitRemote(ctx, h)
}

// waitRemote waits for a result whose event this front end need not get: it
// subscribes to the event first and then looks, so that it misses neither.
func (fe *frontEnd) waitRemote(ctx context.Context, h Handle) ([]byte, error) {
	events := make(chan *nats.Msg, 4)
	for _, subject := range fe.subjects(done, h) {
		sub, err := fe.nc.ChanSubscribe(subject, events)
		if err != nil {
			return nil, fmt.Errorf("natsbatch: subscribe to %s: %w", subject, err)
		}
		defer func() { _ = sub.Unsubscribe() }()
	}
	fe.flush(ctx) // if it fails, what is looked up below fails too, and is looked up again
	for {
		back := fe.back.wait()
		try, cancel := fe.question(ctx, lookTry)
		o, err := fe.stored(try, h)
		cancel()
		switch {
		case err == nil:
			return outcome(o)
		case errors.Is(err, errUnreadable): // it stays the result
			return nil, err
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case fe.life.Err() != nil:
			return nil, context.Cause(fe.life)
		case !errors.Is(err, ErrNoResult):
			sleep(ctx, commitPause)
			continue
		}
		select {
		case <-events:
		case <-back:
		case <-time.After(lookAgain):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-fe.life.Done():
			return nil, context.Cause(fe.life)
		}
	}
}

// subjects are where the result of h may be: alone, or with its envelope, whose
// results are more to send.
func (fe *frontEnd) subjects(what string, h Handle) []string {
	if h.id != "" {
		return []string{fe.queue.keySubject(what, h.id)}
	}
	return []string{
		fe.queue.indexSubject(what, h.frontEnd, h.envelope, h.index),
		fe.queue.envelopeSubject(what, h.frontEnd, h.envelope),
	}
}

// stored returns the outcome that is stored for h, or ErrNoResult.
func (fe *frontEnd) stored(ctx context.Context, h Handle) (wire.Outcome, error) {
	if err := h.check(); err != nil {
		return wire.Outcome{}, err
	}
	for _, subject := range fe.subjects(stored, h) {
		report, err := fe.report(ctx, subject)
		if err != nil {
			return wire.Outcome{}, err
		}
		if report == nil {
			continue
		}
		for _, o := range report.Outcomes {
			if o.Index == h.index {
				return o, nil
			}
		}
	}
	return wire.Outcome{}, fmt.Errorf("%w for %s", ErrNoResult, h)
}

// report reads what is stored under a subject of the result stream, nil if
// nothing is.
func (t *topology) report(ctx context.Context, subject string) (*wire.Report, error) {
	msg, err := t.results.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("natsbatch: look up %s: %w", subject, err)
	}
	return decodeReport(msg.Data)
}

// find is report as one question to the server.
func (t *topology) find(ctx context.Context, subject string) (*wire.Report, error) {
	ctx, cancel := t.question(ctx, lookTry)
	defer cancel()
	return t.report(ctx, subject)
}

// areStored reports under which of n subjects of the result stream anything is stored. What
// cannot be read by this program is: it stays there, and Get says so.
func (t *topology) areStored(ctx context.Context, n int, subject func(i int) string) ([]bool, error) {
	found := make([]bool, n)
	return found, concurrently(n, func(i int) error {
		report, err := t.find(ctx, subject(i))
		if errors.Is(err, errUnreadable) {
			found[i] = true
			return nil
		}
		found[i] = report != nil
		return err
	})
}

// decodeReport reads a stored result, or returns errUnreadable.
func decodeReport(data []byte) (*wire.Report, error) {
	reports, err := wire.DecodeReports(data)
	if err == nil && len(reports) != 1 {
		err = wire.ErrMalformed
	}
	if err != nil {
		return nil, errBadResult(err)
	}
	return &reports[0], nil
}

func isClosed(err error) bool { return errors.Is(err, batcher.ErrClosed) }

// flush waits until the server has all subscriptions, no longer than the front end lives.
func (fe *frontEnd) flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookAgain)
	defer cancel()
	defer context.AfterFunc(fe.life, cancel)()
	_ = fe.nc.FlushWithContext(ctx)
}

// broadcast wakes all that wait on it.
type broadcast struct {
	mu sync.Mutex    // guards what follows
	ch chan struct{} // closed at the next broadcast, or nil
}

func (b *broadcast) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *broadcast) broadcast() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}
