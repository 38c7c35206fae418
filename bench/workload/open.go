package workload

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobatcher/batcher/bench/subject"
)

// OpenWarmup is how long requests arrive in Open before their latencies count.
const OpenWarmup = 100 * time.Millisecond

func runOpen(s subject.Subject, rate int, b Budget, seed uint64) (Result, error) {
	count, funcs := new(counter), new(pacers)
	defer funcs.close()
	service := s.Start(count.settings(OpenHandlers, func() { funcs.sleep(FuncTime) }))
	defer service.Stop()
	p, err := newPacer()
	if err != nil {
		return Result{}, err
	}
	defer p.close()
	load := newLoad(service, arrivals(rate, OpenWarmup+b.OpenTime, seed))
	before := count.read()
	load.run(p)
	result := count.read().since(before, len(load.planned))
	result.setLatencies(load.counted())
	// These say how the load was, not what the subject costs.
	result.Ns, result.Allocs, result.Bytes = 0, 0, 0
	return result, load.err()
}

// arrivals plans when requests arrive over d: at random and independent of one another, rate a second on average, the same for the same seed.
func arrivals(rate int, d time.Duration, seed uint64) []time.Duration {
	random := rand.New(rand.NewPCG(seed, uint64(rate)))
	gap := float64(time.Second) / float64(rate)
	var planned []time.Duration
	for at := random.ExpFloat64() * gap; at < float64(d); at += random.ExpFloat64() * gap {
		planned = append(planned, time.Duration(at))
	}
	return planned
}

// load sends requests at their planned times, each from a goroutine of its own, so that no answer delays an arrival.
type load struct {
	planned   []time.Duration
	latencies []time.Duration
	callers   sync.Pool
	running   sync.WaitGroup
	failure   atomic.Pointer[error]
}

func newLoad(service subject.Service, planned []time.Duration) *load {
	l := &load{planned: planned, latencies: make([]time.Duration, len(planned))}
	l.callers.New = func() any { return service.Caller() }
	return l
}

func (l *load) run(p *pacer) {
	start := clock()
	for i, at := range l.planned {
		for wait := start + at - clock(); wait > 0; wait = start + at - clock() {
			p.sleep(wait)
		}
		l.running.Add(1)
		go l.one(i, start+at)
	}
	l.running.Wait()
}

// one sends request i, whose arrival was planned for planned; its latency counts from there, however late it is sent.
func (l *load) one(i int, planned time.Duration) {
	defer l.running.Done()
	call := l.callers.Get().(func(int) (int, error))
	res, err := call(i)
	l.latencies[i] = clock() - planned
	l.callers.Put(call)
	if err != nil || res != i {
		err = wrong(i, res, err)
		l.failure.CompareAndSwap(nil, &err)
	}
}

// counted returns the latencies of what arrived after the warm-up.
func (l *load) counted() []time.Duration {
	for i, at := range l.planned {
		if at >= OpenWarmup {
			return l.latencies[i:]
		}
	}
	return nil
}

func (l *load) err() error {
	if failure := l.failure.Load(); failure != nil {
		return *failure
	}
	return nil
}
