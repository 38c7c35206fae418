package main

import (
	"os"
	"path/filepath"
	"time"

	"github.com/gobatcher/batcher/natsbatch"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/load"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/proc"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/server"
)

// idle measures what workers use while there is nothing to do.
func (m *measurement) idle() error {
	const count, most = 8, 0.1
	n, place, err := m.serverProcess("idle")
	if err != nil {
		return err
	}
	defer n.Kill()
	p, err := proc.Start(load.WorkerRole, load.WorkerArgs{Place: place, Workers: count, MaxSize: batchSize, Delay: linger})
	if err != nil {
		return err
	}
	defer p.Kill()
	if !sleep(m.ctx, time.Second) { // until it is idle
		return m.ctx.Err()
	}
	before, err := usage(p)
	if err != nil {
		return err
	}
	if !sleep(m.ctx, lasts) {
		return m.ctx.Err()
	}
	after, err := usage(p)
	if err != nil {
		return err
	}
	cores := (after.CPU - before.CPU).Seconds() / lasts.Seconds()
	m.table.add(cores < most, itoa(count)+" idle workers together", "under 0.1 core", "%.3f core", cores)
	return nil
}

// manyPending measures the memory of a front end and a worker with many
// requests between them.
func (m *measurement) manyPending() error {
	const most = 300 << 20
	n, place, err := m.serverProcess("pending")
	if err != nil {
		return err
	}
	defer n.Kill()
	place.Queue.MaxBytes, place.Queue.ResultBytes = 2<<30, 2<<30
	fe, err := proc.Start(load.FrontEndRole, place)
	if err != nil {
		return err
	}
	defer fe.Kill()
	var sum load.Summary
	if err := fe.Call("Submit", load.Load{Prefix: "p", Count: m.pending, Callers: frontEnds * outstanding, Size: requestSize, Light: true}, &sum); err != nil {
		return err
	}
	w, err := proc.Start(load.WorkerRole, load.WorkerArgs{Place: place, MaxSize: batchSize, Delay: linger})
	if err != nil {
		return err
	}
	defer w.Kill()
	if !sleep(m.ctx, lasts) { // in the middle of the work
		return m.ctx.Err()
	}
	front, err := usage(fe)
	if err != nil {
		return err
	}
	work, err := usage(w)
	if err != nil {
		return err
	}
	m.table.add(sum.Acked == m.pending && front.Peak+work.Peak < most, itoa(m.pending)+" pending requests of "+itoa(requestSize)+" B: front end and worker",
		"under 300 MB", "%d MB and %d MB at most (%d accepted, %.0f/s)", front.Peak>>20, work.Peak>>20, sum.Acked, float64(sum.Acked)/sum.Took.Seconds())
	return nil
}

func (m *measurement) serverProcess(name string) (*server.Node, load.Place, error) {
	dir := filepath.Join(m.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, load.Place{}, err
	}
	n, err := server.Start(dir, server.Options{SyncInterval: server.Always})
	if err != nil {
		return nil, load.Place{}, err
	}
	return n, load.Place{Name: name, URL: n.URL, Queue: natsbatch.Queue{Endpoint: "reach"}}, nil
}

func usage(p *proc.Process) (u load.Usage, err error) {
	err = p.Call("Usage", 0, &u)
	return u, err
}
