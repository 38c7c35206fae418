package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	natsd "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/ceiling"
)

// What all figures have in common.
const (
	frontEnds   = 4
	outstanding = 512 // of each front end
	workers     = 4
	batchSize   = 64
	linger      = 5 * time.Millisecond
	funcTakes   = 2 * time.Millisecond
	requestSize = 128
	lasts       = 5 * time.Second // one measurement
	rounds      = 3               // of those that are compared
	round       = 2 * time.Second // one of them in a round
)

// longPull is how many messages a consumer asks for at once that does not
// have to form batches.
const longPull = 512

// These measure the server without natsbatch: how many requests a second.
func (m *measurement) unsynced() (float64, error) { return m.onServer(false, batchSize, ceiling.Queue) }
func (m *measurement) synced() (float64, error)   { return m.onServer(true, batchSize, ceiling.Queue) }
func (m *measurement) longer() (float64, error)   { return m.onServer(true, longPull, ceiling.Queue) }
func (m *measurement) answered() (float64, error) { return m.onServer(true, batchSize, ceiling.Answer) }
func (m *measurement) stored() (float64, error)   { return m.onServer(true, batchSize, ceiling.Store) }

// onServer measures on a server in this process, which is that of package
// embed, but for sync.
func (m *measurement) onServer(sync bool, batch int, measure func(context.Context, ceiling.Load) (float64, error)) (float64, error) {
	dir, err := os.MkdirTemp(m.dir, "ceiling")
	if err != nil {
		return 0, err
	}
	s, err := natsd.NewServer(&natsd.Options{
		JetStream: true, StoreDir: dir, SyncAlways: sync, DontListen: true, NoSigs: true, NoLog: true})
	if err != nil {
		return 0, err
	}
	s.Start()
	defer func() {
		s.Shutdown()
		s.WaitForShutdown()
	}()
	if !s.ReadyForConnections(30 * time.Second) {
		return 0, errors.New("the server is not ready")
	}
	return measure(m.ctx, ceiling.Load{
		Connect:   func() (*nats.Conn, error) { return nats.Connect("", nats.InProcessServer(s)) },
		Producers: frontEnds, Outstanding: outstanding, Consumers: workers, Batch: batch, Size: requestSize, For: round,
	})
}

// disk tells how long the machine takes to sync a small write, on which all
// that is durable depends.
func (m *measurement) disk() error {
	file, err := os.Create(filepath.Join(m.dir, "disk"))
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	var times []time.Duration
	for began := time.Now(); time.Since(began) < round/2; {
		start := time.Now()
		if _, err := file.Write(make([]byte, requestSize)); err != nil {
			return err
		}
		if err := file.Sync(); err != nil {
			return err
		}
		times = append(times, time.Since(start))
	}
	m.table.tell("the disk: a synced write of "+itoa(requestSize)+" B, p50 and p99", "%.2f ms and %.2f ms", ms(quantile(times, 0.5)), ms(quantile(times, 0.99)))
	return nil
}
