package natsbatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gobatcher/batcher/natsbatch/internal/wire"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Admin looks after a queue: its figures and its dead letters. All methods are
// safe for concurrent use. Make one with [NewAdmin]; it needs no Close.
type Admin struct{ *topology }

// NewAdmin makes an Admin. It creates and verifies the queue's streams as
// [Setup] does, and waits for that, no longer than ctx lasts.
func NewAdmin(ctx context.Context, nc *nats.Conn, q Queue) (*Admin, error) {
	t, err := open(ctx, nc, q)
	if err != nil {
		return nil, err
	}
	return &Admin{t}, nil
}

// DeadLetter is a request that could not be processed.
type DeadLetter struct {
	Seq      uint64    // names it for Retry and Drop
	At       time.Time // when it became one
	Reason   string    // why its last try failed
	Tries    int       // how often it began to run
	Handle   Handle    // where its result is expected; zero if a Do asked for it
	Group    string
	Priority Priority
	Payload  []byte // the request, encoded; if the message could not be read, the message, cut to fit
}

// Dead lists dead letters in the order in which they came: those with numbers greater
// than after, limit at most. It makes one request to the server for each.
func (a *Admin) Dead(ctx context.Context, after uint64, limit int) ([]DeadLetter, error) {
	var letters []DeadLetter
	for len(letters) < limit {
		msg, err := a.dead.GetMsg(ctx, after+1, jetstream.WithGetMsgSubject(a.queue.deadSubject()))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			break
		}
		if err != nil {
			return letters, fmt.Errorf("natsbatch: read the dead letters: %w", err)
		}
		letters = append(letters, a.letter(msg))
		after = msg.Sequence
	}
	return letters, nil
}

func (a *Admin) letter(msg *jetstream.RawStreamMsg) DeadLetter {
	l := DeadLetter{Seq: msg.Sequence, At: msg.Time, Reason: msg.Header.Get(reasonHeader), Payload: msg.Data}
	e, err := wire.DecodeEnvelope(msg.Data)
	if err != nil || len(e.Requests) != 1 {
		return l
	}
	r := e.Requests[0]
	l.Reason, l.Tries, l.Group, l.Priority, l.Payload = e.Reason, e.Tries, r.Group, priorityOf(e), r.Payload
	switch e.Kind {
	case wire.KindSubmit:
		l.Handle = Handle{frontEnd: e.From, envelope: e.Number, index: r.Index}
	case wire.KindKey:
		l.Handle = KeyHandle(r.ID)
	}
	return l
}

// reasonHeader is for a dead letter that is not an envelope.
const reasonHeader = "Batcher-Reason"

// letterAt reads a dead letter of this queue.
func (a *Admin) letterAt(ctx context.Context, seq uint64) (*jetstream.RawStreamMsg, error) {
	msg, err := a.dead.GetMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) || err == nil && msg.Subject != a.queue.deadSubject() {
		return nil, fmt.Errorf("%w: %d", ErrNoDeadLetter, seq)
	}
	if err != nil {
		return nil, fmt.Errorf("natsbatch: read dead letter %d: %w", seq, err)
	}
	return msg, nil
}

// Drop deletes a dead letter. It returns [ErrNoDeadLetter] if there is none
// with this number.
func (a *Admin) Drop(ctx context.Context, seq uint64) error {
	if _, err := a.letterAt(ctx, seq); err != nil {
		return err
	}
	if err := a.dead.DeleteMsg(ctx, seq); err != nil {
		return fmt.Errorf("natsbatch: delete dead letter %d: %w", seq, err)
	}
	return nil
}
