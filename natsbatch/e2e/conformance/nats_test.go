package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/natsbatch"
	"github.com/gobatcher/batcher/natsbatch/embed"

	"github.com/gobatcher/batcher/natsbatch/e2e/conformance"
)

// queue is a front end and a worker of one queue, as the suite wants them.
type queue struct {
	client *natsbatch.Client[string, string]
	worker *natsbatch.Worker
	reader *natsbatch.Client[string, string] // results can be read when the others are gone
}

func (q *queue) Do(ctx context.Context, req string) (string, error) {
	res, err := q.client.Do(ctx, req)
	return res, local(err)
}

func (q *queue) Submit(ctx context.Context, req string) (func(context.Context) (string, error), error) {
	h, err := q.client.Submit(ctx, req)
	if err != nil {
		return nil, local(err)
	}
	return func(ctx context.Context) (string, error) { return q.reader.Wait(ctx, h) }, nil
}

// Close closes the front end, which waits for its Dos, and then the worker,
// which finishes what it runs.
func (q *queue) Close() error { return errors.Join(q.client.Close(), q.worker.Close()) }

// local gives an error the name that the core has for it.
func local(err error) error {
	if errors.Is(err, natsbatch.ErrClosed) {
		return fmt.Errorf("%w: %w", batcher.ErrClosed, err)
	}
	return err
}

func TestNATS(t *testing.T) {
	server, err := embed.Start(t.TempDir(), embed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	var queues atomic.Int64
	conformance.Run(t, func(t *testing.T, fn batcher.Func[string, string], o batcher.Options) conformance.Service {
		q, err := start(t, server, natsbatch.Queue{
			Namespace: fmt.Sprintf("case%d", queues.Add(1)), Endpoint: "test", MaxBytes: 1 << 20, ResultBytes: 1 << 20}, fn, o)
		if err != nil {
			t.Fatal(err)
		}
		return q
	})
}

func start(t *testing.T, server *embed.Server, name natsbatch.Queue, fn batcher.Func[string, string], o batcher.Options) (*queue, error) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var conns [3]*nats.Conn
	for i := range conns {
		var err error
		if conns[i], err = server.Connect(); err != nil {
			return nil, err
		}
		t.Cleanup(conns[i].Close)
	}
	var q queue
	var err error
	if q.worker, err = natsbatch.NewWorker(ctx, conns[0], name, fn, natsbatch.WorkerOptions{Batch: o}); err != nil {
		return nil, err
	}
	if q.client, err = natsbatch.NewClient[string, string](ctx, conns[1], name, natsbatch.ClientOptions{}); err != nil {
		return nil, err
	}
	if q.reader, err = natsbatch.NewClient[string, string](ctx, conns[2], name, natsbatch.ClientOptions{}); err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		if err := errors.Join(q.Close(), q.reader.Close()); err != nil {
			t.Error(err)
		}
	})
	return &q, nil
}
