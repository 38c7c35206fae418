package workload

import (
	"runtime"
	"time"

	"github.com/gobatcher/batcher/bench/stat"
	"github.com/gobatcher/batcher/bench/subject"
)

func runBurst(s subject.Subject, n int, b Budget) (Result, error) {
	count := new(counter)
	service := s.Start(count.settings(1, nil))
	defer service.Stop()
	return repeat(b.Time, func() (Result, error) { return count.burst(service, n) })
}

func (c *counter) burst(service subject.Service, n int) (Result, error) {
	submit, collect := service.Burst(n)
	runtime.GC()
	before := c.read()
	for i := range n {
		submit(i)
	}
	for i := range n {
		if res, err := collect(i); err != nil || res != i {
			return Result{}, wrong(i, res, err)
		}
	}
	return c.read().since(before, n), nil
}

// repeat runs pass until the passes have measured for d, and returns each figure's median. The first one, in which the heap grows to its size, does not count.
func repeat(d time.Duration, pass func() (Result, error)) (Result, error) {
	first, err := pass()
	if err != nil {
		return Result{}, err
	}
	var all []Result
	for spent := time.Duration(0); spent < d; {
		result, err := pass()
		if err != nil {
			return Result{}, err
		}
		all = append(all, result)
		spent += time.Duration(result.Ns * float64(result.Requests))
	}
	figure := func(of func(Result) float64) float64 {
		values := make([]float64, len(all))
		for i, result := range all {
			values[i] = of(result)
		}
		return stat.Median(values)
	}
	return Result{
		Requests:  all[0].Requests * len(all),
		Ns:        figure(func(r Result) float64 { return r.Ns }),
		First:     first.Ns,
		Allocs:    figure(func(r Result) float64 { return r.Allocs }),
		Bytes:     figure(func(r Result) float64 { return r.Bytes }),
		MeanBatch: figure(func(r Result) float64 { return r.MeanBatch }),
	}, nil
}
