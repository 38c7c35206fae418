// Package ceiling measures what a NATS server gives at most to a program that
// does without natsbatch: one message for each request, one for each result.
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

// Load is what is done to the server.
type Load struct {
	Connect     func() (*nats.Conn, error)
	Producers   int           // connections that publish
	Outstanding int           // messages of one producer on their way
	Consumers   int           // connections that consume and acknowledge
	Batch       int           // messages in one pull
	Size        int           // bytes of a message
	For         time.Duration // how long, at least, after a tenth of it to get going
}

// least is how many messages make a rate.
const least = 200

const (
	stream   = "ceiling"
	subject  = "ceiling.req"
	consumer = "ceiling"
)

// Queue is how many requests a second go through a work queue when each is a
// message: published, stored, pulled, acknowledged. One is outstanding until
// it has been consumed, so that the queue does not grow.
func Queue(ctx context.Context, l Load) (perSecond float64, err error) {
	return l.measure(ctx, jetstream.WorkQueuePolicy, func(ctx context.Context, r *rig) (*atomic.Int64, error) {
		consumed := new(atomic.Int64)
		r.consumed = make([]chan struct{}, l.Producers*l.Outstanding)
		for i := range r.consumed {
			r.consumed[i] = make(chan struct{}, 1)
		}
		for range l.Consumers {
			if err := r.consume(ctx, l.Batch, consumed); err != nil {
				return nil, err
			}
		}
		return consumed, r.produce(ctx, l, new(atomic.Int64))
	})
}

// Store is how many results a second are stored when each is a message.
func Store(ctx context.Context, l Load) (perSecond float64, err error) {
	return l.measure(ctx, jetstream.LimitsPolicy, func(ctx context.Context, r *rig) (*atomic.Int64, error) {
		stored := new(atomic.Int64)
		return stored, r.produce(ctx, l, stored)
	})
}

// rig is the connections and goroutines of one measurement.
type rig struct {
	connect  func() (*nats.Conn, error)
	conns    []*nats.Conn
	group    sync.WaitGroup
	fault    chan error      // the first one
	consumed []chan struct{} // by the number in a message; empty where nobody consumes
}

func (l Load) measure(ctx context.Context, keep jetstream.RetentionPolicy,
	start func(context.Context, *rig) (*atomic.Int64, error)) (float64, error) {
	ctx, cancel := context.WithCancel(ctx)
	r := &rig{connect: l.Connect, fault: make(chan error, 1)}
	defer r.close()
	defer cancel()
	js, err := r.jetStream()
	if err != nil {
		return 0, err
	}
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: stream, Subjects: []string{subject}, Retention: keep}); err != nil {
		return 0, fmt.Errorf("ceiling: %w", err)
	}
	defer func() { _ = js.DeleteStream(context.WithoutCancel(ctx), stream) }()
	done, err := start(ctx, r)
	if err != nil {
		return 0, err
	}
	if err := r.sleep(ctx, l.For/10); err != nil {
		return 0, err
	}
	before, began := done.Load(), time.Now()
	for rest := 10; rest > 0; rest-- { // longer where the disk is slow: a rate of few is none
		if err := r.sleep(ctx, l.For); err != nil {
			return 0, err
		}
		if done.Load()-before >= least {
			break
		}
	}
	return float64(done.Load()-before) / time.Since(began).Seconds(), nil
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

func (r *rig) jetStream(options ...jetstream.JetStreamOpt) (jetstream.JetStream, error) {
	nc, err := r.connect()
	if err != nil {
		return nil, fmt.Errorf("ceiling: %w", err)
	}
	r.conns = append(r.conns, nc)
	js, err := jetstream.New(nc, options...)
	if err != nil {
		return nil, fmt.Errorf("ceiling: %w", err)
	}
	return js, nil
}

// produce publishes until ctx ends, and counts what was acknowledged.
func (r *rig) produce(ctx context.Context, l Load, acked *atomic.Int64) error {
	for i := range l.Producers {
		js, err := r.jetStream()
		if err != nil {
			return err
		}
		for j := range l.Outstanding {
			r.group.Go(func() { r.publish(ctx, js, i*l.Outstanding+j, l.Size, acked) })
		}
	}
	return nil
}

func (r *rig) publish(ctx context.Context, js jetstream.JetStream, number, size int, acked *atomic.Int64) {
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

// consume counts and acknowledges what comes until ctx ends.
func (r *rig) consume(ctx context.Context, batch int, consumed *atomic.Int64) error {
	js, err := r.jetStream()
	if err != nil {
		return err
	}
	c, err := js.CreateOrUpdateConsumer(ctx, stream, jetstream.ConsumerConfig{
		Durable: consumer, AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: 100_000})
	if err != nil {
		return fmt.Errorf("ceiling: %w", err)
	}
	messages, err := c.Messages(jetstream.PullMaxMessages(batch))
	if err != nil {
		return fmt.Errorf("ceiling: %w", err)
	}
	context.AfterFunc(ctx, messages.Stop)
	r.group.Go(func() {
		for {
			m, err := messages.Next()
			if errors.Is(err, jetstream.ErrMsgIteratorClosed) {
				return
			}
			if err == nil {
				err = m.Ack()
			}
			if err != nil {
				r.fail(err)
				return
			}
			consumed.Add(1)
			r.consumed[binary.LittleEndian.Uint32(m.Data())] <- struct{}{}
		}
	})
	return nil
}

func (r *rig) fail(err error) {
	select {
	case r.fault <- fmt.Errorf("ceiling: %w", err):
	default:
	}
}
