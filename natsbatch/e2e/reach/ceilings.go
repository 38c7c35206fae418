package main

import (
	"fmt"
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
)

// ceilings measures the server without natsbatch.
func (m *measurement) ceilings() error {
	for _, c := range []struct {
		name    string
		sync    bool
		measure func(*measurement, ceiling.Load) error
	}{
		{"unsynced", false, func(m *measurement, l ceiling.Load) (err error) {
			m.unsynced, err = ceiling.Queue(m.ctx, l)
			return err
		}},
		{"synced", true, func(m *measurement, l ceiling.Load) (err error) {
			m.synced, err = ceiling.Queue(m.ctx, l)
			return err
		}},
		{"stored", true, func(m *measurement, l ceiling.Load) (err error) {
			m.stored, err = ceiling.Store(m.ctx, l)
			return err
		}},
	} {
		if err := m.onServer(c.name, c.sync, c.measure); err != nil {
			return err
		}
	}
	m.table.tell("ceiling: publish and consume, no sync", "%.0f/s", m.unsynced)
	m.table.tell("ceiling: one message per request, sync always", "%.0f/s", m.synced)
	m.table.tell("ceiling: one stored result per request, sync always", "%.0f/s", m.stored)
	return nil
}

// onServer measures on a server in this process, which is that of package
// embed, but for sync.
func (m *measurement) onServer(name string, sync bool, measure func(*measurement, ceiling.Load) error) error {
	s, err := natsd.NewServer(&natsd.Options{
		JetStream: true, StoreDir: filepath.Join(m.dir, name), SyncAlways: sync, DontListen: true, NoSigs: true, NoLog: true})
	if err != nil {
		return err
	}
	s.Start()
	defer func() {
		s.Shutdown()
		s.WaitForShutdown()
	}()
	if !s.ReadyForConnections(30 * time.Second) {
		return fmt.Errorf("the server %q is not ready", name)
	}
	return measure(m, ceiling.Load{
		Connect:   func() (*nats.Conn, error) { return nats.Connect("", nats.InProcessServer(s)) },
		Producers: frontEnds, Outstanding: outstanding, Consumers: workers, Batch: 512, Size: requestSize, For: lasts,
	})
}
