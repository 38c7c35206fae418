package natsbatch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Health reports whether the queue works: whether a message can be stored and
// is acknowledged, which a stream that is frozen or has lost its quorum or its
// disk does not do. It waits for that, no longer than ctx lasts, or 2 s. A full
// queue is healthy. The error wraps [ErrUnhealthy].
func (c *Client[Req, Res]) Health(ctx context.Context) error { return c.fe.health(ctx) }

// Health is [Client.Health] for a worker. It also reports that the worker gets
// no requests, because a consumer is gone, and what it cannot store, because a
// stream of results or of dead letters is full or does not answer.
func (w *Worker) Health(ctx context.Context) error {
	if err := w.health(ctx); err != nil {
		return err
	}
	now := time.Now()
	if err := errors.Join(w.collector.err(now), w.overdue.err(now.Add(-2*(w.queue.AckWait+persistTry)))); err != nil {
		return fmt.Errorf("%w: %w", ErrUnhealthy, err)
	}
	return nil
}

// Health is [Client.Health] for an Admin.
func (a *Admin) Health(ctx context.Context) error { return a.health(ctx) }

const healthLimit = 2 * time.Second

func (t *topology) health(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, healthLimit)
	defer cancel()
	if !t.nc.IsConnected() {
		return fmt.Errorf("%w: the connection is %v", ErrUnhealthy, t.nc.Status())
	}
	probe := nats.NewMsg(t.queue.prefix() + "req._probe." + rand.Text()) // for no consumer
	probe.Header.Set(jetstream.MsgTTLHeader, "1s")
	_, err := t.js.PublishMsg(ctx, probe, jetstream.WithRetryAttempts(0))
	if err == nil || isFull(err) || isBusy(err) {
		return nil
	}
	return fmt.Errorf("%w: a write to stream %s: %w", ErrUnhealthy, t.queue.requestStream(), err)
}
