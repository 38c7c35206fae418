package natsbatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/natsbatch/internal/wire"
)

// wireRequest is a request of a Submit in the Batcher that commits it.
type wireRequest struct {
	wire.Request
	weight int
	came   time.Time
}

// Weight makes the Batcher count bytes.
func (r *wireRequest) Weight() int { return r.weight }

// submit is Client.Submit with bytes.
func (fe *frontEnd) submit(ctx context.Context, payload []byte, o options) (Handle, error) {
	r, err := fe.request(ctx, payload, o)
	if err != nil {
		return Handle{}, err
	}
	to := fe.submits[o.priority]
	if o.keyed {
		to, r.ID = fe.keys[o.priority], o.key
	}
	future := to.Submit(context.Background(), &wireRequest{r, weigh(&r, int(fe.limit.Load())), time.Now()})
	h, err := future.Wait(ctx)
	left := err != nil && ctx.Err() != nil
	if left {
		if future.Cancel() {
			return Handle{}, context.Cause(ctx)
		}
		h, err = future.Wait(ended) // it may be known by now
	}
	switch {
	case left && (errors.Is(err, errPending) || errors.Is(err, ErrUnknownOutcome)):
		return Handle{}, fmt.Errorf("%w: %w", ErrUnknownOutcome, context.Cause(ctx))
	case isClosed(err):
		return Handle{}, ErrClosed
	}
	return h, err
}

// hand returns the Func that sends envelopes of requests whose results are kept.
func (fe *frontEnd) hand(p Priority) batcher.Func[*wireRequest, Handle] {
	subject := fe.queue.requestSubject(line(p))
	return func(ctx context.Context, reqs []*wireRequest) ([]Handle, error) {
		e := &wire.Envelope{Kind: wire.KindSubmit, Priority: uint8(p), From: fe.id, Number: fe.number.Add(1), Requests: make([]wire.Request, len(reqs))}
		handles := make([]Handle, len(reqs))
		for i, r := range reqs {
			r.Index = uint64(i)
			e.Requests[i] = r.Request
			handles[i] = Handle{frontEnd: fe.id, envelope: e.Number, index: uint64(i)}
		}
		fe.futures.add(e.Number, len(reqs))
		var errs batcher.Errors
		fe.commit(ctx, reqs[len(reqs)-1].came, subject, e, fe.messageID(e.Number), func(from, to int, err error) {
			if errs == nil {
				errs = make(batcher.Errors, len(reqs))
			}
			for i := from; i < to; i++ {
				errs[i] = err
			}
		})
		switch {
		case errs == nil:
			return handles, nil
		case !slices.Contains(errs, nil):
			fe.futures.remove(e.Number)
		}
		return handles, errs
	}
}

// handKey returns the Func that stores a request under its own id, unless one
// with this id is stored already. Its batches have one request.
func (fe *frontEnd) handKey(p Priority) batcher.Func[*wireRequest, Handle] {
	subject := fe.queue.requestSubject(line(p))
	return func(ctx context.Context, reqs []*wireRequest) ([]Handle, error) {
		r := reqs[0].Request
		e := &wire.Envelope{Kind: wire.KindKey, Priority: uint8(p), From: fe.id, Requests: []wire.Request{r}}
		if err := fe.publish(ctx, reqs[0].came, subject, e, keyMessageID(fe.queue, r.ID)); err != nil {
			return nil, err
		}
		return []Handle{KeyHandle(r.ID)}, nil
	}
}

// keyMessageID keeps ids of different endpoints of a namespace apart. The id
// is encoded because a header's value loses the space around it, and ids that differ
// in nothing else would be the same.
func keyMessageID(q Queue, id string) string { return "k." + q.Endpoint + "." + encodeID(id) }
