package ceiling

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// rig is the connections and goroutines of one measurement.
type rig struct {
	connect  func() (*nats.Conn, error)
	conns    []*nats.Conn
	group    sync.WaitGroup
	fault    chan error      // the first one
	consumed []chan struct{} // by the number in a message; empty where nobody consumes
}

func (r *rig) sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case err := <-r.fault:
		return err
	case <-time.After(d):
		return nil
	}
}

func (r *rig) close() {
	r.group.Wait()
	for _, nc := range r.conns {
		nc.Close()
	}
}

func (r *rig) jetStream() (jetstream.JetStream, error) {
	nc, err := r.connect()
	if err != nil {
		return nil, fmt.Errorf("ceiling: %w", err)
	}
	r.conns = append(r.conns, nc)
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("ceiling: %w", err)
	}
	return js, nil
}

// produce publishes until ctx ends, and counts what was acknowledged.
func (r *rig) produce(ctx context.Context, l Load, subject string, acked *atomic.Int64) error {
	for i := range l.Producers {
		js, err := r.jetStream()
		if err != nil {
			return err
		}
		for j := range l.Outstanding {
			r.group.Go(func() { r.publish(ctx, js, subject, i*l.Outstanding+j, l.Size, acked) })
		}
	}
	return nil
}

func (r *rig) publish(ctx context.Context, js jetstream.JetStream, subject string, number, size int, acked *atomic.Int64) {
	payload := make([]byte, size)
	binary.LittleEndian.PutUint32(payload, uint32(number))
	for ctx.Err() == nil {
		ack, err := js.PublishAsync(subject, payload)
		if err != nil {
			r.fail(err)
			return
		}
		select {
		case <-ctx.Done():
			return
		case err := <-ack.Err():
			r.fail(err)
			return
		case <-ack.Ok():
			acked.Add(1)
		}
		if len(r.consumed) == 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-r.consumed[number]:
		}
	}
}

// both has requests produced and consumed, and counts those of which settle
// has acknowledged the message.
func (r *rig) both(ctx context.Context, l Load, settle func(jetstream.Msg) error) (*atomic.Int64, error) {
	r.consumed = make([]chan struct{}, l.Producers*l.Outstanding)
	for i := range r.consumed {
		r.consumed[i] = make(chan struct{}, 1)
	}
	settled := new(atomic.Int64)
	for range l.Consumers {
		messages, err := r.pull(ctx, l.Batch)
		if err != nil {
			return nil, err
		}
		inbox := make(chan jetstream.Msg)
		r.group.Go(func() { r.receive(messages, inbox) })
		for range l.Batch { // as many at once as a batch has
			r.group.Go(func() { r.consume(inbox, settle, settled) })
		}
	}
	return settled, r.produce(ctx, l, queue, new(atomic.Int64))
}

// pull pulls messages until ctx ends.
func (r *rig) pull(ctx context.Context, batch int) (jetstream.MessagesContext, error) {
	js, err := r.jetStream()
	if err != nil {
		return nil, err
	}
	c, err := js.CreateOrUpdateConsumer(ctx, queue, jetstream.ConsumerConfig{
		Durable: consumer, AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: 100_000})
	if err != nil {
		return nil, fmt.Errorf("ceiling: %w", err)
	}
	messages, err := c.Messages(jetstream.PullMaxMessages(batch))
	if err != nil {
		return nil, fmt.Errorf("ceiling: %w", err)
	}
	context.AfterFunc(ctx, messages.Stop)
	return messages, nil
}

func (r *rig) receive(messages jetstream.MessagesContext, inbox chan<- jetstream.Msg) {
	defer close(inbox)
	for {
		m, err := messages.Next()
		if errors.Is(err, jetstream.ErrMsgIteratorClosed) {
			return
		}
		if err != nil {
			r.fail(err)
			return
		}
		inbox <- m
	}
}

func (r *rig) consume(inbox <-chan jetstream.Msg, settle func(jetstream.Msg) error, settled *atomic.Int64) {
	for m := range inbox {
		if err := settle(m); err != nil {
			r.fail(err)
			continue
		}
		settled.Add(1)
		select {
		case r.consumed[binary.LittleEndian.Uint32(m.Data())] <- struct{}{}:
		default: // delivered twice
		}
	}
}

func (r *rig) fail(err error) {
	select {
	case r.fault <- fmt.Errorf("ceiling: %w", err):
	default:
	}
}
