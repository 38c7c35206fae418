package workload

import (
	"fmt"
	"sync"
	"time"

	"github.com/gobatcher/batcher/bench/subject"
)

// Fixed splits its requests among this many callers in Do, and into bursts of this size in Burst.
const (
	fixedCallers = MaxSize
	fixedBurst   = 100 * MaxSize
)

// Fixed does exactly that many requests of a Do or a Burst and reads no clock, so that every run takes the same instructions.
// No batch waits for its delay.
func Fixed(w Name, name string, requests int) error {
	s, ok := subject.ByName(name)
	if !ok {
		return fmt.Errorf("no such subject: %s", name)
	}
	service := s.Start(subject.Settings{MaxSize: MaxSize, Delay: time.Hour, Handlers: 1, Work: func(int) {}})
	defer service.Stop()
	switch w {
	case Do:
		return fixedDo(service, requests/fixedCallers)
	case Burst:
		return fixedBursts(service, requests/fixedBurst)
	}
	return fmt.Errorf("no such workload: %s", w)
}

func fixedBursts(service subject.Service, n int) error {
	for range n {
		submit, collect := service.Burst(fixedBurst)
		for i := range fixedBurst {
			submit(i)
		}
		for i := range fixedBurst {
			if res, err := collect(i); err != nil || res != i {
				return wrong(i, res, err)
			}
		}
	}
	return nil
}

func fixedDo(service subject.Service, each int) error {
	errs := make([]error, fixedCallers)
	var running sync.WaitGroup
	for id := range errs {
		call := service.Caller()
		running.Go(func() {
			for range each {
				if res, err := call(id); err != nil || res != id {
					errs[id] = wrong(id, res, err)
					return
				}
			}
		})
	}
	running.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
