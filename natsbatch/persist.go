package natsbatch

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gobatcher/batcher/natsbatch/internal/wire"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// errStored: a result is stored already, and another one was refused.
var errStored = errors.New("natsbatch: a result is stored already")

// noID is for a message whose subject keeps one in any case.
const noID = ""

const (
	persistTry   = 5 * time.Second
	persistPause = 200 * time.Millisecond
	mostMissing  = 15 * time.Second // for so long a worker that stops waits for a stream: another server takes over in less
)

// persist stores a message that settles a delivery, for as long as it takes:
// the delivery is extended meanwhile. It gives up when the worker's context
// ends, when the server refuses for good, with errStored if there is a message,
// when there is no room and too many wait for it or the worker shuts down, and when the
// stream is missing and the worker shuts down. All tries carry the same id, of which the
// stream keeps one.
func (w *Worker) persist(d *delivery, msg *nats.Msg, id string) error {
	for {
		err := w.persistNow(msg, id)
		if !isFull(err) || !w.waitForRoom(d, w.queue.streamOf(msg.Subject)) {
			return err
		}
		sleep(w.open, persistPause)
	}
}

// persistNow is persist without waiting for room.
func (w *Worker) persistNow(msg *nats.Msg, id string) error {
	if id != noID {
		msg.Header.Set(nats.MsgIdHdr, id)
	}
	for {
		final, err := w.persistOnce(msg)
		if final {
			return err
		}
		sleep(w.ctx, persistPause)
	}
}

// persistOnce is one try of persistNow, and reports whether it was the last.
func (w *Worker) persistOnce(msg *nats.Msg) (final bool, err error) {
	stream := w.queue.streamOf(msg.Subject)
	ctx, cancel := w.question(w.ctx, persistTry+sending(len(msg.Data)))
	defer cancel()
	err = w.offer(ctx, msg)
	switch {
	case err == nil:
		w.overdue.stored(stream)
		return true, nil
	case isTaken(err):
		return true, errStored
	case w.ctx.Err() != nil || w.nc.IsClosed():
		return true, err
	}
	keeps := stream != w.queue.requestStream()
	final = refused(err) && (!keeps || !isMissing(err))
	if !final || keeps && isFull(err) {
		lasts := w.overdue.failed(stream, err)
		final = final || lasts > mostMissing && isMissing(err) && w.open.Err() != nil
	}
	return final, err
}

// isMissing reports whether err says that no stream can have a message: the one that did
// was deleted, or sealed, which cannot be undone, or no server leads it now.
func isMissing(err error) bool {
	var api *jetstream.APIError
	return errors.Is(err, jetstream.ErrNoStreamResponse) || errors.As(err, &api) && api.ErrorCode == codeSealed
}

// isTaken reports whether err says that a subject has its one message.
func isTaken(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.ErrorCode == codeStoreFailed && strings.Contains(api.Description, "per subject")
}

// store stores a report under a subject of the result stream; id is the same
// only for the same attempt. It returns errStored if there is one.
func (w *Worker) store(d *delivery, subject string, report wire.Report, id string) error {
	msg := resultMsg(subject, report)
	err := w.persist(d, msg, id)
	if isTooLarge(err) {
		msg.Data = fit(msg.Data, messageLimit(w.nc, len(msg.Data)))
		err = w.persist(d, msg, id)
	}
	return err
}

func resultMsg(subject string, report wire.Report) *nats.Msg {
	msg := nats.NewMsg(subject)
	msg.Data = wire.AppendReports(nil, report)
	return msg
}

// persistEnvelope stores an envelope in the request stream. It does not wait
// for room.
func (w *Worker) persistEnvelope(l line, e *wire.Envelope, id string) error {
	msg := nats.NewMsg(w.queue.requestSubject(l))
	msg.Data = e.Append(make([]byte, 0, sizeOf(e)))
	if ttl := keepFor(e, time.Now()); ttl > 0 {
		msg.Header.Set(jetstream.MsgTTLHeader, strconv.Itoa(int(ttl/time.Second)))
	}
	return w.persistNow(msg, id)
}

// atOnce is how many requests to the server one task has under way.
const atOnce = 16

// concurrently calls f for 0 to n-1, atOnce at a time, and returns the errors.
func concurrently(n int, f func(i int) error) error {
	if n == 1 {
		return f(0)
	}
	errs := make([]error, n)
	slots := make(chan struct{}, atOnce)
	var calls sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		calls.Go(func() {
			defer func() { <-slots }()
			errs[i] = f(i)
		})
	}
	calls.Wait()
	return errors.Join(errs...)
}
