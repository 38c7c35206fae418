package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
)

// closedLoops measures with as many callers as requests are outstanding.
func (m *measurement) closedLoops() error {
	do, err := m.closedLoop("do", func(ctx context.Context, c *natsbatch.Client[[]byte, []byte], req []byte) ([]byte, error) {
		return c.Do(ctx, req)
	})
	if err != nil {
		return err
	}
	submit, err := m.closedLoop("submit", func(ctx context.Context, c *natsbatch.Client[[]byte, []byte], req []byte) ([]byte, error) {
		h, err := c.Submit(ctx, req)
		if err != nil {
			return nil, err
		}
		return c.Wait(ctx, h)
	})
	if err != nil {
		return err
	}
	what := fmt.Sprintf("closed loop, %d x %d outstanding, ", frontEnds, outstanding)
	m.table.add(do >= 0.8*m.unsynced, what+"against publish and consume without sync", "at least 0.8 x", "%.2f x (%.0f/s)", do/m.unsynced, do)
	m.table.add(do >= 20*m.synced, what+"against one message per request, sync always", "at least 20 x", "%.1f x (%.0f/s)", do/m.synced, do)
	m.table.add(submit >= 15*m.stored, "durable futures, closed loop, against one stored result per request, sync always",
		"at least 15 x", "%.1f x (%.0f/s)", submit/m.stored, submit)
	return nil
}

type call func(context.Context, *natsbatch.Client[[]byte, []byte], []byte) ([]byte, error)

// closedLoop gives how many calls a second return.
func (m *measurement) closedLoop(name string, call call) (perSecond float64, err error) {
	b, err := m.bench(name, workers, linger)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancelCause(m.ctx)
	var done atomic.Int64
	var group sync.WaitGroup
	for i, c := range b.clients {
		for j := range outstanding {
			group.Go(func() {
				if err := loop(ctx, c, call, uint64(i*outstanding+j), &done); err != nil {
					cancel(err)
				}
			})
		}
	}
	rate := 0.0
	if sleep(ctx, lasts/5) {
		before, began := done.Load(), time.Now()
		if sleep(ctx, lasts) {
			rate = float64(done.Load()-before) / time.Since(began).Seconds()
		}
	}
	fault := context.Cause(ctx)
	cancel(nil)
	group.Wait()
	if err := b.close(); err != nil {
		return 0, err
	}
	return rate, fault
}

// loop calls until ctx ends, and checks that each call gets its own back.
func loop(ctx context.Context, c *natsbatch.Client[[]byte, []byte], call call, caller uint64, done *atomic.Int64) error {
	for i := uint64(0); ctx.Err() == nil; i++ {
		req := make([]byte, requestSize)
		binary.LittleEndian.PutUint64(req, caller)
		binary.LittleEndian.PutUint64(req[8:], i)
		res, err := call(ctx, c, req)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case !bytes.Equal(req, res):
			return fmt.Errorf("caller %d got another's result", caller)
		}
		done.Add(1)
	}
	return nil
}

// sleep reports whether ctx has lasted.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
