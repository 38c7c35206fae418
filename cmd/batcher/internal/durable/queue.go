package durable

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"regexp"

	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
	"github.com/gobatcher/batcher/natsbatch"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// plain matches route names that a queue can have. Those that begin with "_" are left
// to natsbatch and laterQueue.
var plain = regexp.MustCompile(`^[A-Za-z0-9-][A-Za-z0-9_-]{0,59}$`)

// endpoint returns a route's name in a form that the name of a queue can have.
func endpoint(route string) string {
	if plain.MatchString(route) {
		return route
	}
	sum := sha256.Sum256([]byte(route))
	return "route-" + hex.EncodeToString(sum[:8])
}

// Queue returns the queue of a route's items.
func Queue(c *config.Config, route string) natsbatch.Queue {
	return natsbatch.Queue{
		Namespace: c.Queue.Namespace,
		Endpoint:  endpoint(route),
		MaxBytes:  c.Queue.MaxBytes,
		ResultTTL: c.Queue.ResultTTL,
		Replicas:  c.Queue.Replicas,
	}
}

// laterQueue returns the queue of requests that nobody waits for, whatever their
// route. No route's queue can have its name.
func laterQueue(c *config.Config) natsbatch.Queue {
	q := Queue(c, config.Later)
	q.Endpoint = "_later"
	return q
}

// exists reports whether the servers have a queue: whether they have the consumer that
// is made last, whose name is in docs/natsbatch-wire.md.
func exists(ctx context.Context, nc *nats.Conn, q natsbatch.Queue) (bool, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return false, err
	}
	_, err = js.Consumer(ctx, "bq_"+q.Namespace+"_req", q.Endpoint+"_low")
	if errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrConsumerNotFound) {
		return false, nil
	}
	return err == nil, err
}
