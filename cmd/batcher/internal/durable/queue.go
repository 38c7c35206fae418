package durable

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"

	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
	"github.com/gobatcher/batcher/natsbatch"
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

// routeQueue returns the queue of a route's items.
func routeQueue(c *config.Config, route string) natsbatch.Queue {
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
	q := routeQueue(c, config.Later)
	q.Endpoint = "_later"
	return q
}
