package natsbatch

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/natsbatch/internal/fault"
	"github.com/gobatcher/batcher/natsbatch/internal/wire"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// commitOptions make the group commit: a Batcher without a delay, whose Func
// sends an envelope and waits for its acknowledgement. Requests that arrive
// meanwhile are the next envelope, so envelopes grow with the load and with the time
// that a write to disk takes, and no timer is involved.
var commitOptions = batcher.Options{MaxSize: envelopeRequests, MaxWeight: envelopeBytes}

const (
	commitTry   = 2 * time.Second       // how long one try waits for the acknowledgement, once the message is sent
	commitLimit = 30 * time.Second      // how long after the first try another may begin; see publish
	commitPause = 50 * time.Millisecond // between tries
)

// commit stores an envelope, or its parts where the server has come to let less pass
// than when it was formed. It calls fail for those requests, from one index to before
// another, that were not accepted. The last of them came at the time came.
func (fe *frontEnd) commit(ctx context.Context, came time.Time, subject string, e *wire.Envelope, id string, fail func(from, to int, err error)) {
	err, n := fe.publish(ctx, came, subject, e, id), len(e.Requests)
	from := int(e.Requests[0].Index)
	switch {
	case errors.Is(err, ErrTooLarge) && n > 1:
		for _, half := range [][]wire.Request{e.Requests[:n/2], e.Requests[n/2:]} {
			part := *e
			part.Part, part.Requests = true, half
			fe.commit(ctx, came, subject, &part, id+"."+strconv.FormatUint(half[0].Index, 10), fail)
		}
	case err != nil:
		fail(from, from+n, err)
	}
}

// publish stores an envelope and returns when it is acknowledged. A try whose
// outcome is unknown is repeated under the same message id, of which the
// stream keeps one. publish ends with ctx. It is certain that the envelope was not
// accepted only if no try can have been stored; therefore commitLimit cuts no try off.
// Where the one before was given up, the time that this one has waited counts too, from
// came: else each would wait for as long again as all those before it.
func (fe *frontEnd) publish(ctx context.Context, came time.Time, subject string, e *wire.Envelope, id string) error {
	if fe.nc.IsClosed() {
		return noConnection(fe.nc)
	}
	limit := time.Now().Add(commitLimit)
	if why := fe.vain.Load(); why != nil {
		if limit = came.Add(commitLimit); time.Now().After(limit) {
			return untried(*why)
		}
	}
	msg := nats.NewMsg(subject)
	msg.Data = e.Append(make([]byte, 0, sizeOf(e)))
	msg.Header.Set(nats.MsgIdHdr, id)
	if ttl := keepFor(e, time.Now()); ttl > 0 {
		msg.Header.Set(jetstream.MsgTTLHeader, strconv.Itoa(int(ttl/time.Second)))
	}
	sure := true
	for first := true; ; first = false {
		err := fe.try(ctx, msg)
		if err == nil || refused(err) {
			fe.vain.Store(nil)
		}
		switch {
		case err == nil:
			fault.At(fault.Accepted)
			return nil
		case refused(err) && sure:
			return admissionError(err)
		case refused(err):
			return fmt.Errorf("%w: one try was not acknowledged, and the next was refused: %w", ErrUnknownOutcome, err)
		}
		if sure = sure && unheard(err); sure && errors.Is(err, nats.ErrPermissionViolation) {
			fe.giveUp(err)
			return admissionError(err)
		}
		if !first || !errors.Is(err, errSilence) {
			sleep(ctx, commitPause)
		}
		if ctx.Err() != nil || fe.nc.IsClosed() || time.Now().After(limit) {
			fe.giveUp(err)
			return fe.unacknowledged(ctx, err, sure)
		}
	}
}

// unheard reports whether err says that the message reached no stream, or was turned
// away before it was looked at.
func unheard(err error) bool {
	return errors.Is(err, errAway) || errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, nats.ErrPermissionViolation) || isBusy(err)
}

// unacknowledged returns the error of a publish that was given up after err.
func (fe *frontEnd) unacknowledged(ctx context.Context, err error, sure bool) error {
	switch {
	case sure && isBusy(err):
		return admissionError(err)
	case sure && !errors.Is(err, errAway):
		return fmt.Errorf("natsbatch: the request was not accepted: no stream takes it: %w", err)
	case ctx.Err() != nil: // Shutdown ran out of time; else nobody waits
		return fmt.Errorf("%w: %w", ErrUnknownOutcome, ErrClosed)
	case fe.nc.IsConnected():
		return fmt.Errorf("%w: no acknowledgement: %w", ErrUnknownOutcome, err)
	case fe.nc.IsClosed():
		return fmt.Errorf("%w: %w", ErrUnknownOutcome, noConnection(fe.nc))
	}
	return fmt.Errorf("%w: the connection is %v: %w", ErrUnknownOutcome, fe.nc.Status(), err)
}

// giveUp notes why an envelope was given up. It takes a copy, so that only then err is
// allocated.
func (fe *frontEnd) giveUp(why error) { fe.vain.Store(&why) }

// untried is the error of an envelope that waited for as long as it may be tried, while
// why kept others from being accepted.
func untried(why error) error {
	if isBusy(why) {
		return admissionError(why)
	}
	return fmt.Errorf("natsbatch: the request was not accepted: for %v those before it were not either: %w", commitLimit, why)
}

// errSilence: the server did not answer a try. It is not context.DeadlineExceeded, which
// would tell callers that their own deadline has passed.
var errSilence = errors.New("natsbatch: the server did not answer")

// try sends a message once. If the front end may not publish, the server does not
// answer the message, but says so by an error of the connection.
func (fe *frontEnd) try(ctx context.Context, msg *nats.Msg) error {
	ctx, cancel := fe.question(ctx, commitTry+sending(len(msg.Data)))
	defer cancel()
	before := fe.nc.LastError()
	err := fe.offer(ctx, msg)
	if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
		return err
	}
	if said := fe.nc.LastError(); said != nil && said != before && errors.Is(said, nats.ErrPermissionViolation) && strings.Contains(said.Error(), strconv.Quote(msg.Subject)) {
		return said
	}
	return errSilence
}

// refused reports whether the server said that it did not store the message, and
// would not at another try.
func refused(err error) bool {
	var api *jetstream.APIError
	return isFull(err) || errors.As(err, &api) && api.Code != 503 && api.ErrorCode != codeUnderWay && !isBusy(err) || isTooLarge(err)
}

// isBusy reports whether err says that more messages come in than a stream stores:
// there is room again in a moment.
func isBusy(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.Code == 429
}

// admissionError turns a server's refusal into the error that callers know.
func admissionError(err error) error {
	if isFull(err) || isBusy(err) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	if isTooLarge(err) {
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	return fmt.Errorf("natsbatch: the request was refused: %w", err)
}

// Error codes of the server.
const (
	codeStoreFailed = 10077 // a limit of the stream, or a fault of the disk
	codeNoStorage   = 10023 // the server's limit
	codeNoPlace     = 10047 // the same, for a new stream: it counts what each may hold
	codeNoResources = 10002 // the account's limit
	codeSealed      = 10109 // an administrator has closed the stream for good
	codeUnderWay    = 10158 // a message with this id is on its way to the stream's other servers
)

// isFull reports whether err says that a message is beyond a limit.
func isFull(err error) bool {
	var api *jetstream.APIError
	if !errors.As(err, &api) {
		return false
	}
	switch api.ErrorCode {
	case codeStoreFailed:
		return strings.Contains(api.Description, "maximum")
	case codeNoStorage, codeNoResources:
		return true
	}
	return false
}

// keepFor is how long the server must keep an envelope: until every deadline
// has passed, and long enough that a worker can say so; zero: until it is
// acknowledged, also if the deadlines are so far away that the server's clock
// would overflow. Only envelopes of Do expire like this, because the fate of the
// others must stay visible.
func keepFor(e *wire.Envelope, now time.Time) time.Duration {
	if e.Kind != wire.KindDo {
		return 0
	}
	var latest int64
	for i := range e.Requests {
		if e.Requests[i].Deadline == 0 {
			return 0
		}
		latest = max(latest, e.Requests[i].Deadline)
	}
	left := max(0, time.UnixMilli(latest).Sub(now))
	if left > longest {
		return 0
	}
	return left.Truncate(time.Second) + time.Minute
}

func sizeOf(e *wire.Envelope) int {
	n := 64 + len(e.From) + len(e.Reason)
	for i := range e.Requests {
		n += e.Requests[i].Size()
	}
	return n
}

// weigh returns the weight of a request in an envelope, which is full at
// envelopeBytes: its bytes, or more where the limit of a message is lower. A
// request that is larger than that has an envelope to itself.
func weigh(r *wire.Request, limit int) int {
	size := r.Size()
	if limit < envelopeBytes {
		size = int(int64(size)*envelopeBytes/int64(max(1, limit))) + 1 // the product exceeds 32 bits
	}
	return min(size, envelopeBytes)
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
