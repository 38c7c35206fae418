package durable

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
	"github.com/gobatcher/batcher/natsbatch"
)

// Later has requests that nobody waits for served, by this process or another, and
// keeps their answers.
type Later struct {
	queued
	client *natsbatch.Client[httpRequest, httpAnswer]
	room   *room
	now    atomic.Pointer[terms]
	bodies atomic.Int64 // bytes of requests on their way into the queue
}

// terms is what one reading of the configuration says.
type terms struct {
	matters []string      // names of the headers that tell requests with one key apart
	longest time.Duration // how long one may take to come, and then before it is tried again
}

// Use makes c apply from now on. It must be called before a handler that divides
// requests by more headers than the one before serves any.
func (l *Later) Use(c *config.Config) {
	l.now.Store(&terms{matters(c), max(laterTime, c.Patience())})
}

// laterTime is how long a request may take at least, whatever its route says: one
// that is passed through has no other limit.
const laterTime = 5 * time.Minute

// laterAtOnce is how many requests that nobody waits for are served at once.
const laterAtOnce = 256

// NewLater returns a Later that serves its requests with next, the handler of all
// others.
func NewLater(l *Link, c *config.Config, next http.Handler) (*Later, error) {
	ctx, cancel := l.setup()
	defer cancel()
	q := queued{name: config.Later, queue: laterQueue(c)}
	var err error
	if q.admin, err = l.admin(ctx, q.queue); err != nil {
		return nil, err
	}
	free, err := newRoom(ctx, q.admin.Usage)
	if err != nil {
		return nil, err
	}
	client, err := natsbatch.NewClient[httpRequest, httpAnswer](ctx, l.Conn, q.queue, natsbatch.ClientOptions{Trace: traceOf})
	if err != nil {
		return nil, err
	}
	later := &Later{queued: q, client: client, room: free}
	later.Use(c)
	opts := natsbatch.WorkerOptions{Timeout: -1, MaxDeliveries: c.Queue.Tries + 1} // the last one is not run
	opts.Batch.MaxSize, opts.Batch.MaxConcurrent = 1, laterAtOnce                  // the gateway makes the batches
	if later.worker, err = natsbatch.NewWorker(ctx, l.Conn, q.queue, later.serve(next), opts); err != nil {
		return nil, errors.Join(err, client.Close())
	}
	l.tally.begin(q.name, later.worker)
	return later, nil
}

// serve serves requests with next, for as long as the current configuration allows.
func (l *Later) serve(next http.Handler) batcher.Func[httpRequest, httpAnswer] {
	return func(ctx context.Context, reqs []httpRequest) ([]httpAnswer, error) {
		longest := l.now.Load().longest
		ctx, cancel := context.WithTimeoutCause(ctx, longest, fmt.Errorf("no answer within %v", longest))
		defer cancel()
		return replay{next}.serve(ctx, reqs)
	}
}

// matters are the headers that may change what a request means, or who asks:
// those of routes, those by which the protocols of package gateway divide
// batches, and those that what is passed through may bring. Accept, by which es-bulk
// divides too, is not one: it says how the answer is to be written.
func matters(c *config.Config) []string {
	names := []string{
		"Authorization", "Cookie", "Origin", "Content-Type", "Content-Encoding",
		"X-Api-Key", "Api-Key", "OpenAI-Organization", "OpenAI-Project",
		"Es-Security-Runas-User", "Opendistro_security_impersonate_as",
		"Seldon-Model", "Seldon-Internal-Model",
	}
	for _, r := range c.Routes {
		names = append(names, r.Headers...)
	}
	return names
}

// Shutdown finishes the requests that are being served, and leaves the rest to other
// processes, or to the next start.
func (l *Later) Shutdown(ctx context.Context) error {
	return errors.Join(l.worker.Shutdown(ctx), l.client.Shutdown(ctx))
}
