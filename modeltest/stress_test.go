package modeltest

import (
	"flag"
	"sync"
	"testing"
	"time"

	"github.com/gobatcher/batcher"
)

var stressFor = flag.Duration("stress", 3*time.Second, "how long the stress tests take, all together")

var stressOptions = []struct {
	name string
	batcher.Options
}{
	{"idle", batcher.Options{}},
	{"linger", batcher.Options{MaxSize: 8, Delay: 100 * time.Microsecond, MaxConcurrent: 2}},
	{"enough", batcher.Options{MinSize: 4, Delay: 200 * time.Microsecond, MaxWeight: 20}},
	{"strict", batcher.Options{MinSize: 3, StrictSize: true, MaxSize: 6, MaxConcurrent: 3}},
	{"manual", batcher.Options{Manual: true, MaxSize: 4, MaxPending: 12}},
	{"crowded", batcher.Options{MaxSize: 5, MaxPending: 6, MaxConcurrent: -1}},
	{"heavy", batcher.Options{MaxWeight: 2, MaxConcurrent: 2, Go: func(task func()) { go task() }}},
	{"target", batcher.Options{MaxSize: 50, TargetTime: 50 * time.Microsecond}},
	{"small target", batcher.Options{MaxSize: 8, TargetTime: 200 * time.Microsecond, MaxConcurrent: 2}},
	{"strict target", batcher.Options{MaxSize: 9, MinSize: 2, StrictSize: true, MaxWeight: 20, TargetTime: 200 * time.Microsecond}},
}

func TestStressBatcher(t *testing.T) { stressAll(t, false) }
func TestStressKeyed(t *testing.T)   { stressAll(t, true) }

func stressAll(t *testing.T, keyed bool) {
	for _, o := range stressOptions {
		t.Run(o.name, func(t *testing.T) {
			s := newStress(o.Options, keyed)
			s.run(t, *stressFor/time.Duration(2*len(stressOptions)))
		})
	}
}

func (s *stress) run(t *testing.T, d time.Duration) {
	var callers sync.WaitGroup
	for range 16 {
		callers.Go(s.caller)
	}
	time.AfterFunc(d, func() { close(s.stop) })
	<-s.stop
	soon(t, "somebody", func() {
		s.check(s.Close() == nil, "Close failed")
		callers.Wait()
	})
	s.checkRest()
	if s.fault != "" {
		t.Error(s.fault)
	}
}

func (s *stress) checkRest() {
	stats := s.Stats()
	sum := uint64(0)
	for trigger := range batcher.TriggerClose + 1 {
		sum += stats.Started(trigger)
	}
	s.check(stats.Pending == 0 && stats.Running == 0, "at rest: %+v", stats)
	s.check(stats.Submitted == stats.Succeeded+stats.Failed+stats.Canceled, "at rest: %+v", stats)
	s.check(stats.Submitted+stats.Rejected == uint64(s.made.Load()), "at rest: %d requests were made: %+v", s.made.Load(), stats)
	s.check(sum == stats.Batches, "at rest: %d batches by trigger: %+v", sum, stats)
	if k, ok := s.subject.(*batcher.Keyed[int, Request, int]); ok {
		s.check(k.Len() == 0, "at rest: Len is %d", k.Len())
	}
}
