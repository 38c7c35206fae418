// Package ceiling measures what a NATS server gives at most to a program that
// does without natsbatch: one message for each request, one for each result.
package ceiling

import (
	"context"
	"fmt"
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

// The queue of the requests and the store of the results.
const (
	queue    = "ceiling_req"
	store    = "ceiling_res"
	consumer = "ceiling"
)

// Queue is how many requests a second go through a work queue when each is a
// message: published, stored, pulled, acknowledged. One is outstanding until
// it has been consumed, so that the queue does not grow.
func Queue(ctx context.Context, l Load) (perSecond float64, err error) {
	return l.measure(ctx, func(ctx context.Context, r *rig) (*atomic.Int64, error) {
		return r.both(ctx, l, func(m jetstream.Msg) error { return m.Ack() })
	})
}

// Answer is Queue where the result of each request is a message too, which is
// stored before the request is acknowledged.
func Answer(ctx context.Context, l Load) (perSecond float64, err error) {
	return l.measure(ctx, func(ctx context.Context, r *rig) (*atomic.Int64, error) {
		js, err := r.jetStream()
		if err != nil {
			return nil, err
		}
		return r.both(ctx, l, func(m jetstream.Msg) error {
			stored, err := js.PublishAsync(store, m.Data())
			if err != nil {
				return err
			}
			select {
			case <-ctx.Done():
				return nil
			case err := <-stored.Err():
				return err
			case <-stored.Ok():
				return m.Ack()
			}
		})
	})
}

// Store is how many results a second are stored when each is a message, and
// nothing else is done.
func Store(ctx context.Context, l Load) (perSecond float64, err error) {
	return l.measure(ctx, func(ctx context.Context, r *rig) (*atomic.Int64, error) {
		stored := new(atomic.Int64)
		return stored, r.produce(ctx, l, store, stored)
	})
}

func (l Load) measure(ctx context.Context, start func(context.Context, *rig) (*atomic.Int64, error)) (float64, error) {
	ctx, cancel := context.WithCancel(ctx)
	r := &rig{connect: l.Connect, fault: make(chan error, 1)}
	defer r.close()
	defer cancel()
	js, err := r.jetStream()
	if err != nil {
		return 0, err
	}
	for name, keep := range map[string]jetstream.RetentionPolicy{queue: jetstream.WorkQueuePolicy, store: jetstream.LimitsPolicy} {
		if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: name, Subjects: []string{name}, Retention: keep}); err != nil {
			return 0, fmt.Errorf("ceiling: %w", err)
		}
		defer func() { _ = js.DeleteStream(context.WithoutCancel(ctx), name) }()
	}
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
