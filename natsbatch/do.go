package natsbatch

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/natsbatch/internal/wire"
	"github.com/nats-io/nats.go"
)

// ask is a Do that waits.
type ask struct {
	request wire.Request
	weight  int
	came    time.Time
	answer  chan answer // of one; written once

	// calls.mu guards what follows.
	sent *sent // the envelope
	left bool  // nobody waits
}

// spareAsks are asks to use again, which saves a Do 256 bytes. One that its Do has
// left is not used again, since its answer may still come.
var spareAsks = sync.Pool{New: func() any { return &ask{answer: make(chan answer, 1)} }}

// recycle may be called by the Do that has the answer: from then on nothing else
// refers to a, since its envelope is encoded and has let go of it.
func (a *ask) recycle() {
	*a = ask{answer: a.answer}
	spareAsks.Put(a)
}

// Weight makes the Batcher count bytes.
func (a *ask) Weight() int { return a.weight }

// answer is the result of a request, or its error.
type answer struct {
	data []byte
	err  error
}

// sent is an envelope of which not all are answered.
type sent struct {
	number uint64
	asks   []*ask // by index; nil: answered, or nobody waits
	left   int
}

// calls are the envelopes that asks wait for.
type calls struct {
	mu      sync.Mutex // guards what follows
	sent    map[uint64]*sent
	drained chan struct{} // closed when sent is empty; nil: nobody waits for that
}

// do is Client.Do with bytes.
func (fe *frontEnd) do(ctx context.Context, payload []byte, o options) ([]byte, error) {
	r, err := fe.request(ctx, payload, o)
	if err != nil {
		return nil, err
	}
	a := spareAsks.Get().(*ask)
	a.request, a.weight, a.came = r, weigh(&r, int(fe.limit.Load())), time.Now()
	future := fe.asks[o.priority].Submit(context.Background(), a)
	if fe.closed.Load() && neverSent(future) { // by now; Close waits for others, maybe for long
		return nil, ErrClosed
	}
	select {
	case got := <-a.answer:
		a.recycle()
		return got.data, early(ctx, got.err)
	case <-ctx.Done():
		return fe.leave(a, future, context.Cause(ctx))
	case <-fe.life.Done():
		return fe.leave(a, future, context.Cause(fe.life))
	}
}

// early says so if a worker found that the deadline of ctx had passed, and it has not:
// then the worker's clock is ahead, of which nothing else would tell.
func early(ctx context.Context, err error) error {
	if err != ErrExpired {
		return err
	}
	deadline, ok := ctx.Deadline()
	if left := time.Until(deadline).Truncate(time.Millisecond); ok && left > 0 {
		return fmt.Errorf("%w: by the clock of the worker, %v too early by that of this machine", err, left)
	}
	return err
}

// leave returns what a Do returns that waits no longer because of why. It forgets the ask
// before it gives it up, which may end a try to send it: that is no answer.
func (fe *frontEnd) leave(a *ask, future batcher.Future[struct{}], why error) ([]byte, error) {
	fe.calls.forget(a)
	if future.Cancel() || neverSent(future) {
		return nil, why
	}
	select {
	case got := <-a.answer:
		return got.data, got.err
	default:
		return nil, fmt.Errorf("%w: %w", ErrUnknownOutcome, why)
	}
}

// neverSent reports whether the Batcher was closed before it took the request, or before
// it ran.
func neverSent(future batcher.Future[struct{}]) bool {
	_, err := future.Wait(ended)
	return isClosed(err)
}

// errPending: what became of a request is not known yet.
var errPending = errors.New("natsbatch: pending")

// ended is a context that has ended, with errPending.
var ended = func() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errPending)
	return ctx
}()

// ask returns the Func that sends envelopes of asks. It answers those that were
// not accepted; a reply answers the others.
func (fe *frontEnd) ask(p Priority) batcher.Func[*ask, struct{}] {
	subject := fe.queue.requestSubject(line(p))
	return func(ctx context.Context, asks []*ask) ([]struct{}, error) {
		e := &wire.Envelope{Kind: wire.KindDo, Priority: uint8(p), From: fe.id, Number: fe.number.Add(1), Requests: make([]wire.Request, len(asks))}
		for i, a := range asks {
			a.request.Index = uint64(i)
			e.Requests[i] = a.request
			a.request.Payload = nil // the envelope has it
		}
		s := fe.calls.add(e.Number, asks)
		fe.commit(ctx, asks[len(asks)-1].came, subject, e, fe.messageID(e.Number), func(from, to int, err error) { fe.calls.fail(s, from, to, err) })
		return make([]struct{}, len(asks)), nil
	}
}

func (fe *frontEnd) messageID(number uint64) string {
	return fe.id + "." + strconv.FormatUint(number, 10)
}

// onReply takes a reply of a worker.
func (fe *frontEnd) onReply(msg *nats.Msg) {
	if fe.hear(msg.Data) && msg.Reply != "" {
		_ = msg.Respond(nil) // else it comes again
	}
}

// hear answers the asks that a letter is about, and reports whether it could be read.
// Outcomes that come twice, or that no ask waits for, are dropped.
func (fe *frontEnd) hear(data []byte) bool {
	reports, err := wire.DecodeReports(data)
	for i := range reports {
		fe.calls.report(&reports[i])
	}
	return err == nil // else it is not known which asks it is about
}

func (c *calls) add(number uint64, asks []*ask) *sent {
	s := &sent{number: number, asks: append([]*ask(nil), asks...), left: len(asks)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sent == nil {
		c.sent = make(map[uint64]*sent)
	}
	c.sent[number] = s
	for i, a := range asks {
		a.sent = s
		if a.left {
			c.settle(s, i, nil)
		}
	}
	return s
}

// report answers the asks that r is about. One that has an answer keeps it.
func (c *calls) report(r *wire.Report) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.sent[r.Number]
	if s == nil {
		return
	}
	for _, o := range r.Outcomes {
		if o.Index < uint64(len(s.asks)) {
			data, err := outcome(o)
			c.settle(s, int(o.Index), &answer{data, err})
		}
	}
}

// fail answers those asks of s, from one index to before another, that have no answer.
func (c *calls) fail(s *sent, from, to int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := from; i < to; i++ {
		c.settle(s, i, &answer{err: err})
	}
}

// forget notes that the caller of a no longer waits.
func (c *calls) forget(a *ask) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a.left = true
	if a.sent != nil {
		c.settle(a.sent, int(a.request.Index), nil)
	}
}

// settle gives the ask at i its answer, if it still waits for one; nil means that
// its caller no longer waits. c.mu is held.
func (c *calls) settle(s *sent, i int, got *answer) {
	a := s.asks[i]
	if a == nil {
		return
	}
	s.asks[i] = nil
	if got != nil {
		a.answer <- *got
	}
	if s.left--; s.left > 0 {
		return
	}
	delete(c.sent, s.number)
	if c.drained != nil && len(c.sent) == 0 {
		close(c.drained)
		c.drained = nil
	}
}

// drain waits until no ask waits for an answer, or gone is closed.
func (c *calls) drain(ctx context.Context, gone <-chan struct{}) error {
	c.mu.Lock()
	if len(c.sent) == 0 {
		c.mu.Unlock()
		return nil
	}
	if c.drained == nil {
		c.drained = make(chan struct{})
	}
	drained := c.drained
	c.mu.Unlock()
	select {
	case <-drained:
		return nil
	case <-gone:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// outcome returns the result or the error that an outcome stands for.
func outcome(o wire.Outcome) ([]byte, error) {
	switch o.Status {
	case wire.StatusOK:
		return o.Data, nil
	case wire.StatusExpired:
		return nil, ErrExpired
	case wire.StatusDead:
		return nil, fmt.Errorf("%w: %s", ErrDead, o.Data)
	case wire.StatusTooLarge:
		return nil, fmt.Errorf("%w: %s", ErrTooLarge, o.Data)
	}
	return nil, &FuncError{Text: string(o.Data)}
}
