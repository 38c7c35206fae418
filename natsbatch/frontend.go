package natsbatch

import (
	"context"
	"crypto/rand"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/natsbatch/internal/wire"
	"github.com/nats-io/nats.go"
)

// frontEnd is a Client without its types.
type frontEnd struct {
	*topology
	id    string
	trace func(context.Context) string

	number  atomic.Uint64 // the last envelope's
	limit   atomic.Int64  // payloadLimit, which takes the connection's lock: 2 % of a Do's processor time
	asks    [priorities]*batcher.Batcher[*ask, struct{}]
	submits [priorities]*batcher.Batcher[*wireRequest, Handle]
	keys    [priorities]*batcher.Batcher[*wireRequest, Handle] // each request by itself
	vain    atomic.Pointer[error]                              // why the last envelope was given up; nil: it was not
	calls   calls
	futures futures
	back    broadcast // when the connection is back
	subs    []*nats.Subscription
	status  chan nats.Status
	life    context.Context // ends when no caller will be answered any more; its cause says why
	end     context.CancelCauseFunc
	closed  atomic.Bool
}

func newFrontEnd(t *topology, trace func(context.Context) string) (*frontEnd, error) {
	fe := &frontEnd{topology: t, id: rand.Text(), trace: trace}
	fe.futures.urge = make(chan struct{}, 1)
	fe.life, fe.end = context.WithCancelCause(context.Background())
	for _, p := range urgency {
		fe.asks[p] = batcher.New(fe.ask(p), commitOptions)
		fe.submits[p] = batcher.New(fe.hand(p), commitOptions)
		fe.keys[p] = batcher.New(fe.handKey(p), batcher.Options{MaxSize: 1, MaxConcurrent: -1})
	}
	fe.limit.Store(int64(payloadLimit(fe.nc)))
	if err := fe.listen(); err != nil {
		fe.deafen()
		fe.end(err)
		return nil, err
	}
	fe.status = fe.nc.StatusChanged(nats.CONNECTED, nats.CLOSED)
	go fe.watch()
	go fe.seek()
	return fe, nil
}

// watch catches up with what may have been missed whenever the connection is
// back. Once the connection is closed for good, watch releases all callers.
func (fe *frontEnd) watch() {
	defer fe.nc.RemoveStatusListener(fe.status)
	beat := time.NewTicker(fe.queue.beat())
	defer beat.Stop()
	p := presence{looked: time.Now()}
	for !fe.nc.IsClosed() {
		select {
		case <-fe.status:
			if !fe.nc.IsConnected() {
				continue
			}
			fe.limit.Store(int64(payloadLimit(fe.nc))) // the server may be another
			fe.attend(&p)
			fe.back.broadcast()
			fe.futures.miss()
		case <-beat.C:
			fe.attend(&p)
			fe.futures.hurry()
		case <-fe.life.Done():
			return
		}
	}
	fe.end(noConnection(fe.nc))
}

// noConnection is the error that a connection is closed for good, with the reason
// as far as it is known.
func noConnection(nc *nats.Conn) error {
	if err := nc.LastError(); err != nil {
		return fmt.Errorf("natsbatch: %w: %w", nats.ErrConnectionClosed, err)
	}
	return fmt.Errorf("natsbatch: %w", nats.ErrConnectionClosed)
}

// refusal says why no more requests are taken, or returns nil.
func (fe *frontEnd) refusal() error {
	if fe.closed.Load() {
		return ErrClosed
	}
	select {
	case <-fe.life.Done():
		return context.Cause(fe.life)
	default:
		return nil
	}
}

// listen subscribes to the replies to this front end and to its results, and waits
// until the server has the subscriptions.
func (fe *frontEnd) listen() error {
	for subject, handle := range map[string]nats.MsgHandler{
		fe.queue.replySubject(fe.id):    fe.onReply,
		fe.queue.of(done, fe.id) + ".>": fe.onDone,
	} {
		sub, err := fe.nc.Subscribe(subject, handle)
		if err != nil {
			return fmt.Errorf("natsbatch: subscribe to %s: %w", subject, err)
		}
		_ = sub.SetPendingLimits(-1, -1) // a message that is dropped here would leave a caller waiting for ever
		fe.subs = append(fe.subs, sub)
	}
	if err := fe.nc.FlushTimeout(10 * time.Second); err != nil {
		return fmt.Errorf("natsbatch: %w", err)
	}
	return nil
}

func (fe *frontEnd) deafen() {
	for _, sub := range fe.subs {
		_ = sub.Unsubscribe()
	}
}

// never is beyond what a deadline on the wire can say.
var never = time.UnixMilli(math.MaxInt64)

// request makes the wire form of a request, or returns an error if ctx has ended, no more
// requests are taken, or it is too large.
func (fe *frontEnd) request(ctx context.Context, payload []byte, o options) (wire.Request, error) {
	if ctx.Err() != nil {
		return wire.Request{}, context.Cause(ctx)
	}
	if err := fe.refusal(); err != nil {
		return wire.Request{}, err
	}
	r := wire.Request{Payload: payload, Group: o.group}
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(never) {
		r.Deadline = deadline.UnixMilli()
	}
	if fe.trace != nil {
		r.Trace = fe.trace(ctx)
	}
	if size, limit := len(payload)+len(r.Trace), fe.limit.Load(); int64(size) > limit {
		return wire.Request{}, fmt.Errorf("%w: the request has %d bytes, the limit is %d", ErrTooLarge, size, limit)
	}
	return r, nil
}

// shutdown is Client.Shutdown.
func (fe *frontEnd) shutdown(ctx context.Context) error {
	fe.closed.Store(true)
	var err error
	for _, p := range urgency {
		for _, b := range []interface{ Shutdown(context.Context) error }{fe.asks[p], fe.submits[p], fe.keys[p]} {
			if e := b.Shutdown(ctx); e != nil {
				err = e
			}
		}
	}
	if e := fe.calls.drain(ctx, fe.life.Done()); e != nil {
		err = e
	}
	fe.end(ErrClosed)
	fe.deafen()
	return err
}
