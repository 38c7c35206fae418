package natsbatch

import (
	"context"
	"fmt"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/natsbatch/internal/wire"
)

// wireRequest is a request of a Submit in the Batcher that commits it.
type wireRequest struct {
	wire.Request
	weight int
}

// Weight makes the Batcher count bytes.
func (r *wireRequest) Weight() int { return r.weight }

// submit is Client.Submit with bytes.
func (fe *frontEnd) submit(ctx context.Context, payload []byte, o Option) (Handle, error) {
	if ctx.Err() != nil {
		return Handle{}, context.Cause(ctx)
	}
	r, err := fe.request(ctx, payload, o)
	if err != nil {
		return Handle{}, err
	}
	if err := fe.refusal(); err != nil {
		return Handle{}, err
	}
	if o.key != nil {
		return fe.submitKey(ctx, r, *o.key, o.priority)
	}
	future := fe.submits[o.priority].Submit(context.Background(), &wireRequest{r, weigh(&r, int(fe.limit.Load()))})
	h, err := future.Wait(ctx)
	switch {
	case err == nil:
		return h, nil
	case ctx.Err() != nil && err == context.Cause(ctx):
		if future.Cancel() {
			return Handle{}, err
		}
		return Handle{}, fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
	case isClosed(err):
		return Handle{}, ErrClosed
	}
	return Handle{}, err
}

// hand gives the Func that sends envelopes of requests whose results are kept.
func (fe *frontEnd) hand(p Priority) batcher.Func[*wireRequest, Handle] {
	subject := fe.requestSubject(line(p))
	return func(ctx context.Context, reqs []*wireRequest) ([]Handle, error) {
		e := &wire.Envelope{Kind: wire.KindSubmit, Priority: uint8(p), From: fe.id, Number: fe.number.Add(1), Requests: make([]wire.Request, len(reqs))}
		handles := make([]Handle, len(reqs))
		for i, r := range reqs {
			r.Index = uint64(i)
			e.Requests[i] = r.Request
			handles[i] = Handle{frontEnd: fe.id, envelope: e.Number, index: uint64(i)}
		}
		fe.futures.add(e.Number, len(reqs))
		if err := fe.publish(ctx, subject, e, fe.messageID(e.Number)); err != nil {
			fe.futures.remove(e.Number)
			return nil, err
		}
		return handles, nil
	}
}

// submitKey stores a request under its own id, unless one with this id is
// stored already.
func (fe *frontEnd) submitKey(ctx context.Context, r wire.Request, id string, p Priority) (Handle, error) {
	r.ID = id
	e := &wire.Envelope{Kind: wire.KindKey, Priority: uint8(p), From: fe.id, Requests: []wire.Request{r}}
	if err := fe.publish(ctx, fe.requestSubject(line(p)), e, keyMessageID(fe.Queue, id)); err != nil {
		return Handle{}, err
	}
	return KeyHandle(id), nil
}

// keyMessageID keeps ids of different endpoints of a namespace apart. The id
// is encoded: a header's value loses the space around it, and ids that differ
// in nothing else would be one.
func keyMessageID(q Queue, id string) string { return "k." + q.Endpoint + "." + encodeID(id) }
