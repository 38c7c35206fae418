package workload

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobatcher/batcher/bench/subject"
)

// The clock must not dominate what it measures: about wantSamples of a cell's calls are timed, but never more than one in maxEvery where calls are cheap.
const (
	wantSamples = 20_000
	maxEvery    = 128
)

func runDo(s subject.Subject, callers int, b Budget) (Result, error) {
	count := new(counter)
	service := s.Start(count.settings(1, nil))
	defer service.Stop()
	c := crew{count: count}
	for range callers {
		c.calls = append(c.calls, service.Caller())
	}
	warm, err := c.work(b.Time/10, pace{every: maxEvery})
	if err != nil {
		return Result{}, err
	}
	duration := max(b.Time, time.Duration(warm.Ns*float64(b.MinRequests)))
	return c.work(duration, paceFor(float64(duration)/warm.Ns, callers))
}

// pace says which calls a caller times: one of every, at most room in all.
type pace struct{ every, room int }

func paceFor(requests float64, callers int) pace {
	every := min(max(int(requests/wantSamples), 1), maxEvery)
	return pace{every: every, room: 2*int(requests)/callers/every + 8}
}

// crew is a number of callers that work at the same time.
type crew struct {
	calls []func(int) (int, error)
	count *counter
}

// caller is one member's share of the work.
type caller struct {
	id        int
	call      func(int) (int, error)
	pace      pace
	requests  int
	latencies []time.Duration
	err       error
}

// work lets all callers call in a loop for d.
func (c *crew) work(d time.Duration, p pace) (Result, error) {
	members := make([]caller, len(c.calls))
	start := make(chan struct{})
	var stop atomic.Bool
	var ready, running sync.WaitGroup
	ready.Add(len(members))
	for i := range members {
		m := &members[i]
		*m = caller{id: i, call: c.calls[i], pace: p, latencies: make([]time.Duration, 0, p.room)}
		running.Go(func() {
			ready.Done()
			<-start
			m.loop(&stop)
		})
	}
	ready.Wait()
	timer := time.AfterFunc(d, func() { stop.Store(true) })
	defer timer.Stop()
	before := c.count.read()
	close(start)
	running.Wait()
	return c.sum(members, c.count.read(), before)
}

// loop calls until stop, and once at least: on a busy machine time may be over before its first turn. Callers time their calls out of step with one
// another. Variables that change with each call are local to the loop, so that callers whose memory is adjacent do not slow one another down.
func (m *caller) loop(stop *atomic.Bool) {
	c := *m
	next := c.id % c.pace.every
	for over := false; !over; over = stop.Load() {
		timed := c.requests == next && len(c.latencies) < cap(c.latencies)
		var began time.Duration
		if timed {
			next += c.pace.every
			began = clock()
		}
		req := c.id<<32 | c.requests
		res, err := c.call(req)
		if timed {
			c.latencies = append(c.latencies, clock()-began)
		}
		if err != nil || res != req {
			c.err = wrong(req, res, err)
			stop.Store(true)
			break
		}
		c.requests++
	}
	*m = c
}

func (c *crew) sum(members []caller, after, before gauge) (Result, error) {
	cost := clockCost()
	requests := 0
	var latencies []time.Duration
	for i := range members {
		m := &members[i]
		if m.err != nil {
			return Result{}, m.err
		}
		requests += m.requests
		for _, latency := range m.latencies {
			latencies = append(latencies, max(latency-cost, 0))
		}
	}
	result := after.since(before, requests)
	result.setLatencies(latencies)
	return result, nil
}
