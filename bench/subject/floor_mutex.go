package subject

import (
	"sync"
	"time"
)

// floorMutex is the least a batcher can do: a mutex, a slice append, one channel close per batch and a timer for a partial one.
var floorMutex = Subject{
	Name:     FloorMutex,
	Kind:     Floor,
	Use:      "a mutex, a slice append, one channel close per batch; the caller that fills a batch runs it, a timer runs a partial one",
	Results:  "yes",
	Errors:   "no",
	Contexts: "no",
	Handlers: "unbounded",
	Start:    startMutex,
}

type mutexBatch struct {
	reqs []int
	res  []int
	done chan struct{}
}

type mutexBatcher struct {
	settings Settings
	timer    *time.Timer

	mu   sync.Mutex
	open *mutexBatch // guarded by mu
}

func startMutex(s Settings) Service {
	m := &mutexBatcher{settings: s}
	m.timer = time.AfterFunc(s.Delay, m.partial)
	return m
}

// partial runs the open batch. A timer left running by a full batch may cut the next batch short; to check for that would cost more than it gains.
func (m *mutexBatcher) partial() {
	m.mu.Lock()
	b := m.open
	m.open = nil
	m.mu.Unlock()
	if b != nil {
		m.run(b)
	}
}

func (m *mutexBatcher) run(b *mutexBatch) {
	m.settings.Work(len(b.reqs))
	b.res = b.reqs
	close(b.done)
}

// submit returns the request's batch and its place there.
func (m *mutexBatcher) submit(req int) (*mutexBatch, int) {
	m.mu.Lock()
	b := m.open
	if b == nil {
		b = &mutexBatch{reqs: make([]int, 0, m.settings.MaxSize), done: make(chan struct{})}
		m.open = b
		m.timer.Reset(m.settings.Delay)
	}
	place := len(b.reqs)
	b.reqs = append(b.reqs, req)
	full := place+1 == m.settings.MaxSize
	if full {
		m.open = nil
	}
	m.mu.Unlock()
	if full {
		m.run(b)
	}
	return b, place
}

func (m *mutexBatcher) Caller() func(int) (int, error) {
	return func(req int) (int, error) {
		b, place := m.submit(req)
		<-b.done
		return b.res[place], nil
	}
}

func (m *mutexBatcher) Burst(n int) (func(int), func(int) (int, error)) {
	type future struct {
		batch *mutexBatch
		place int
	}
	futures := make([]future, n)
	submit := func(i int) {
		b, place := m.submit(i)
		futures[i] = future{b, place}
	}
	collect := func(i int) (int, error) {
		f := futures[i]
		<-f.batch.done
		return f.batch.res[f.place], nil
	}
	return submit, collect
}

func (m *mutexBatcher) Stop() { m.timer.Stop() }
