package natsbatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gobatcher/batcher/natsbatch/internal/wire"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// retryDelay is how long a request that is put back waits before it runs: until
// its result, the error, is deleted, no other can be stored.
const retryDelay = 2 * time.Second

// Retry puts a dead letter back in the queue, as a request that has never run
// and has no deadline, and deletes the error that is its result. It runs after
// 2 s. If a Do sent it, its new result goes to no caller. If the request has got a
// result in another way, the letter is only deleted.
//
// Retry returns [ErrNoDeadLetter] if there is none with this number, and
// [ErrFull] if the queue takes no more. After any error the letter is still there.
// If it is not known whether the request is in the queue, Retry refuses to put it
// back again for 2 minutes.
func (a *Admin) Retry(ctx context.Context, seq uint64) error {
	msg, err := a.letterAt(ctx, seq)
	if err != nil {
		return err
	}
	e, err := wire.DecodeEnvelope(msg.Data)
	if err != nil || len(e.Requests) != 1 {
		return fmt.Errorf("natsbatch: dead letter %d cannot be retried: it is no request", seq)
	}
	if e.Kind == wire.KindDo {
		_, err = a.requeue(ctx, e, seq)
	} else {
		err = a.revive(ctx, e, seq)
	}
	if err != nil {
		return fmt.Errorf("natsbatch: give dead letter %d back: %w", seq, err)
	}
	return a.Drop(ctx, seq)
}

// revive makes a request whose result is kept run again. It first stores the
// request, which may fail, and then deletes the result, which must be the
// one that says that the request is dead.
func (a *Admin) revive(ctx context.Context, e *wire.Envelope, seq uint64) error {
	dead, answered, err := a.fateOf(ctx, e)
	if err != nil || answered {
		return err
	}
	ack, err := a.requeue(ctx, e, seq)
	switch {
	case err != nil:
		return err
	case ack.Duplicate:
		return errors.New("it was given back less than 2 minutes ago")
	case dead == 0:
		return nil
	}
	return a.forget(ctx, e, dead, ack.Sequence)
}

// requeue stores the request of a dead letter as one that has never run.
func (a *Admin) requeue(ctx context.Context, e *wire.Envelope, seq uint64) (*jetstream.PubAck, error) {
	again := *e
	again.Tries, again.Suspect, again.Part, again.Reason = 0, 0, true, ""
	again.DelayMS = uint64(retryDelay.Milliseconds())
	again.Lives++
	again.Requests = slices.Clone(e.Requests)
	again.Requests[0].Deadline = 0 // most likely it has passed
	msg := nats.NewMsg(a.queue.requestSubject(line(priorityOf(e))))
	msg.Data = again.Append(nil)
	msg.Header.Set(nats.MsgIdHdr, fmt.Sprintf("dlq.%s.%d", a.queue.Endpoint, seq))
	ack, err := a.js.PublishMsg(ctx, msg)
	if err != nil {
		return nil, admissionError(err)
	}
	return ack, nil
}

// fateOf looks up the result of the request of a dead letter: dead is the number of
// the message that says that it is dead, 0 if there is none; answered means that there
// is another result.
func (a *Admin) fateOf(ctx context.Context, e *wire.Envelope) (dead uint64, answered bool, err error) {
	msg, err := a.results.GetLastMsgForSubject(ctx, a.queue.partSubject(e, &e.Requests[0]))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("look its result up: %w", err)
	}
	report, err := decodeReport(msg.Data)
	if err != nil {
		return 0, false, err
	}
	if len(report.Outcomes) == 1 && report.Outcomes[0].Status == wire.StatusDead {
		return msg.Sequence, false, nil
	}
	return 0, true, nil
}

// forget deletes the message that says that a request is dead. The request must
// still be in the queue afterwards, else it may have run while its result was refused.
func (a *Admin) forget(ctx context.Context, e *wire.Envelope, dead, request uint64) error {
	if err := a.results.DeleteMsg(ctx, dead); err != nil {
		return fmt.Errorf("forget that its result is an error: %w", err)
	}
	_, err := a.requests.GetMsg(ctx, request)
	if !errors.Is(err, jetstream.ErrMsgNotFound) {
		return err
	}
	_, answered, err := a.fateOf(ctx, e)
	if err == nil && !answered {
		err = errors.New("it may have run too early for its result to be stored")
	}
	return err
}
