package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
)

// closedLoops measures with as many callers as requests are outstanding, and
// the server's ceilings beside it, in turns, because a shared machine changes.
func (m *measurement) closedLoops() error {
	steps := []func() (float64, error){
		m.unsynced,
		m.synced,
		func() (float64, error) { return m.closedLoop(1, do) },
		m.answered,
		func() (float64, error) { return m.closedLoop(1, submit) },
		m.longer,
		m.stored,
		func() (float64, error) { return m.closedLoop(2, do) },
	}
	rates := make([][]float64, len(steps))
	for range rounds {
		for i, step := range steps {
			rate, err := step()
			if err != nil {
				return err
			}
			rates[i] = append(rates[i], rate)
		}
	}
	unsynced, synced, do, answered, submit := rates[0], rates[1], rates[2], rates[3], rates[4]
	m.table.tell("ceiling: publish and consume, no sync", "%.0f/s", median(unsynced))
	m.table.tell("ceiling: one message per request, sync always", "%.0f/s (%.0f/s in pulls of %d)", median(synced), median(rates[5]), longPull)
	m.table.tell("ceiling: and one stored result per request", "%.0f/s (%.0f/s for storing alone)", median(answered), median(rates[6]))
	what := fmt.Sprintf("closed loop, %d x %d outstanding", frontEnds, outstanding)
	m.compare(what+", against publish and consume without sync", 0.8, do, unsynced)
	m.compare(what+", against one message per request, sync always", 20, do, synced)
	m.table.tell("the same where each worker runs two batches at a time", "%.2f x (%.0f/s)", median(over(rates[7], synced)), median(rates[7]))
	m.compare("durable futures, "+what+", against one stored result per request", 15, submit, answered)
	return nil
}

// compare adds the median ratio of two rates of each round.
func (m *measurement) compare(what string, goal float64, rates, ceilings []float64) {
	got := median(over(rates, ceilings))
	m.table.add(got >= goal, what, fmt.Sprintf("at least %g x", goal), "%.2f x (%.0f/s)", got, median(rates))
}

// over gives the ratios of two rates.
func over(rates, ceilings []float64) []float64 {
	ratios := make([]float64, len(rates))
	for i := range rates {
		ratios[i] = rates[i] / ceilings[i]
	}
	return ratios
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func do(ctx context.Context, c *natsbatch.Client[[]byte, []byte], req []byte) ([]byte, error) {
	return c.Do(ctx, req)
}

func submit(ctx context.Context, c *natsbatch.Client[[]byte, []byte], req []byte) ([]byte, error) {
	h, err := c.Submit(ctx, req)
	if err != nil {
		return nil, err
	}
	return c.Wait(ctx, h)
}

type call func(context.Context, *natsbatch.Client[[]byte, []byte], []byte) ([]byte, error)

// closedLoop gives how many calls a second return.
func (m *measurement) closedLoop(slots int, call call) (perSecond float64, err error) {
	b, err := m.bench(workers, slots, linger)
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
	if sleep(ctx, round/2) {
		before, began := done.Load(), time.Now()
		if sleep(ctx, round) {
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
