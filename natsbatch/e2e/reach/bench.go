package main

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/natsbatch"
	"github.com/gobatcher/batcher/natsbatch/embed"
)

// bench is a server, front ends and workers in this process.
type bench struct {
	server  *embed.Server
	conns   []*nats.Conn
	clients []*natsbatch.Client[[]byte, []byte]
	workers []*natsbatch.Worker

	batches, requests atomic.Int64
}

// bench starts one, whose workers run so many batches at a time. Its Func takes its time and gives each request back.
func (m *measurement) bench(workers, slots int, delay time.Duration) (b *bench, err error) {
	b = &bench{}
	defer func() {
		if err != nil {
			_ = b.close()
		}
	}()
	dir, err := os.MkdirTemp(m.dir, "bench")
	if err != nil {
		return b, err
	}
	if b.server, err = embed.Start(dir, embed.Options{}); err != nil {
		return b, err
	}
	q := natsbatch.Queue{Endpoint: "reach"}
	o := natsbatch.WorkerOptions{Batch: batcher.Options{MaxSize: batchSize, Delay: delay, MaxConcurrent: slots}}
	for range workers {
		nc, err := b.connect()
		if err != nil {
			return b, err
		}
		w, err := natsbatch.NewWorker(m.ctx, nc, q, b.process, o)
		if err != nil {
			return b, err
		}
		b.workers = append(b.workers, w)
	}
	for range frontEnds {
		nc, err := b.connect()
		if err != nil {
			return b, err
		}
		c, err := natsbatch.NewClient[[]byte, []byte](m.ctx, nc, q, natsbatch.ClientOptions{})
		if err != nil {
			return b, err
		}
		b.clients = append(b.clients, c)
	}
	return b, nil
}

func (b *bench) connect() (*nats.Conn, error) {
	nc, err := b.server.Connect()
	if err == nil {
		b.conns = append(b.conns, nc)
	}
	return nc, err
}

func (b *bench) process(_ context.Context, reqs [][]byte) ([][]byte, error) {
	b.batches.Add(1)
	b.requests.Add(int64(len(reqs)))
	time.Sleep(funcTakes)
	return reqs, nil
}

// meanBatch is the mean size of the batches since the last call.
func (b *bench) meanBatch() float64 {
	return float64(b.requests.Swap(0)) / float64(max(1, b.batches.Swap(0)))
}

func (b *bench) close() error {
	var faults []error
	for _, c := range b.clients {
		faults = append(faults, c.Close())
	}
	for _, w := range b.workers {
		faults = append(faults, w.Close())
	}
	for _, nc := range b.conns {
		nc.Close()
	}
	if b.server != nil {
		b.server.Close()
	}
	return errors.Join(faults...)
}
