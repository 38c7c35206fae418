package modeltest

import (
	"context"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/gobatcher/batcher"
)

// caller does one thing after the other until it is time to stop, and a
// little longer, so that it meets a Batcher that is closed.
func (s *stress) caller() {
	deeds := []func(){s.do, s.do, s.do, s.submit, s.submitAndCancel, s.submitAndCancel, s.burst, s.flush}
	if s.batcher != nil {
		deeds = append(deeds, s.current)
	}
	for !s.stopped() {
		deeds[rand.IntN(len(deeds))]()
	}
	for range 10 {
		deeds[rand.IntN(len(deeds))]()
	}
}

func (s *stress) do() {
	q := s.request()
	value, err := s.Do(q.ctx, q.Key, q.Request)
	s.judge(q, value, err)
}

func (s *stress) submit() {
	q := s.request()
	s.await(q, s.Submit(q.ctx, q.Key, q.Request))
}

// await waits for the answer, twice.
func (s *stress) await(q *stressed, f batcher.Future[int]) {
	if rand.IntN(3) == 0 {
		<-f.Done()
	}
	value, err := f.Wait(context.Background())
	s.judge(q, value, err)
	again, err2 := f.Wait(settled)
	s.check(value == again && err == err2, "#%d got %d, %v and then %d, %v", q.ID, value, err, again, err2)
}

func (s *stress) submitAndCancel() {
	q := s.request()
	f := s.Submit(q.ctx, q.Key, q.Request)
	done := make(chan struct{})
	if rand.IntN(2) == 0 {
		go func() {
			defer close(done)
			_, _ = f.Wait(context.Background()) // await checks the answer
		}()
	} else {
		close(done)
	}
	yield(rand.IntN(10))
	q.left = f.Cancel()
	s.await(q, f)
	<-done
}

// burst submits many without a wait in between.
func (s *stress) burst() {
	var qs []*stressed
	var fs []batcher.Future[int]
	for range 1 + rand.IntN(10) {
		q := s.request()
		q.refused = true
		qs, fs = append(qs, q), append(fs, s.TrySubmit(q.ctx, q.Key, q.Request))
	}
	for i, q := range qs {
		s.await(q, fs[i])
	}
}

func (s *stress) flush() {
	for k := range keys {
		_ = s.Flush(k) // ErrNotReady where MinSize says so
	}
}

// current does to the open batch what can be done to it.
func (s *stress) current() {
	b := s.batcher.Current()
	if b == nil {
		return
	}
	switch rand.IntN(5) {
	case 0:
		q := s.request()
		q.refused = true
		f, _ := b.Add(q.ctx, q.Request)
		s.await(q, f)
	case 1:
		_ = b.Start()
	case 2:
		_ = b.StartAfter(time.Duration(rand.IntN(200)) * time.Microsecond)
	case 3:
		b.Cancel()
	}
	s.watch(b)
}

// watch follows a batch to its end, if that comes soon.
func (s *stress) watch(b handle) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	for last := b.State(); !isDone(ctx.Done()); runtime.Gosched() {
		now := b.State()
		s.check(mayFollow(last, now), "a batch was %v after it was %v", now, last)
		last = now
		if now >= batcher.StateDone {
			break
		}
	}
	results, err := b.Results(ctx)
	s.check(results != nil || err != nil, "no results and no error")
}

// mayFollow reports whether a batch may be found in state b after state a.
func mayFollow(a, b batcher.State) bool {
	switch {
	case a == b, a <= batcher.StateReady:
		return true
	case b == batcher.StateCanceled:
		return a == batcher.StateStarted // Shutdown ran out of time
	}
	return a < b && a != batcher.StateCanceled
}
