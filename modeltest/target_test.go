package modeltest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
	"pgregory.net/rapid"
)

// TestTargetTime has requests move from batch to batch. The model does not know
// where the limit is; what is checked here holds wherever it is.
func TestTargetTime(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		o := drawOptions(r)
		o.MaxConcurrent = 1
		o.TargetTime = rapid.SampledFrom(spans[1:]).Draw(r, "TargetTime")
		if o.MaxSize > 0 {
			o.MaxSize *= rapid.SampledFrom([]int{1, 10, 50}).Draw(r, "times MaxSize")
		}
		if o.MaxPending > 0 {
			o.MaxPending *= 10
		}
		m := &moving{stress: stress{rules: rulesOf(o)}, seed: rapid.Uint64().Draw(r, "seed")}
		synctest.Test(t, func(*testing.T) { m.run(o) })
		if m.fault != "" {
			r.Fatalf("%v: %s", Plan{Options: o}, m.fault)
		}
	})
}

// moving is one Batcher whose limit moves.
type moving struct {
	stress
	seed uint64
	last [keys]int // the latest request of each submitter that Func got
}

func (m *moving) rand(n int) *rand.Rand { return rand.New(rand.NewPCG(m.seed, uint64(n))) }

func (m *moving) run(o batcher.Options) {
	m.batcher = batcher.New(m.process(), o)
	var submitters sync.WaitGroup
	for k := range keys {
		submitters.Go(func() { m.submitAll(k) })
	}
	for range 100 {
		time.Sleep(time.Second)
		_ = m.batcher.Flush() // which Manual needs
	}
	m.check(m.batcher.Close() == nil, "Close failed")
	submitters.Wait()
	s := m.batcher.Stats()
	m.check(s.Pending == 0 && s.Running == 0 && s.Submitted == s.Succeeded+s.Failed+s.Canceled, "at rest: %+v", s)
}

// process returns a Func whose cost changes now and then.
func (m *moving) process() batcher.Func[Request, int] {
	rnd := m.rand(keys)
	fixed, each := time.Duration(0), time.Millisecond
	return func(ctx context.Context, reqs []Request) ([]int, error) {
		info, _ := batcher.FromContext(ctx)
		limit := m.batcher.Stats().SizeLimit
		m.check(m.strict || limit == 0 || len(reqs) <= limit, "Func got %d requests by %v, the limit is %d", len(reqs), info.Trigger, limit)
		m.check(info.Weight <= m.maxWeight, "Func got a weight of %d", info.Weight)
		for _, q := range reqs {
			m.check(q.ID > m.last[q.Key], "Func got #%d of submitter %d after #%d", q.ID, q.Key, m.last[q.Key])
			m.last[q.Key] = q.ID
		}
		if rnd.IntN(10) == 0 {
			fixed, each = time.Duration(rnd.IntN(5))*time.Millisecond, time.Duration(rnd.IntN(3000))*time.Microsecond
		}
		time.Sleep(fixed + time.Duration(len(reqs))*each)
		return succeed(ctx, reqs)
	}
}

// submitAll submits more than a batch holds, with pauses, and withdraws some.
func (m *moving) submitAll(submitter int) {
	rnd := m.rand(submitter)
	var futures []batcher.Future[int]
	var gone []int
	for n := range 100 {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		q := Request{ID: n + 1, Key: submitter, Weighs: rnd.IntN(4)}
		futures = append(futures, m.batcher.Submit(ctx, q))
		switch i := rnd.IntN(n + 1); rnd.IntN(20) {
		case 0:
			cancel()
		case 1, 2:
			if futures[i].Cancel() {
				gone = append(gone, i)
			}
		case 3:
			time.Sleep(time.Duration(rnd.IntN(20)) * time.Millisecond)
		}
	}
	for i, f := range futures {
		<-f.Done()
		value, err := f.Wait(settled)
		switch {
		case err == nil:
			m.check(value == answerTo(i+1) && !slices.Contains(gone, i), "#%d of submitter %d got %d", i+1, submitter, value)
		case !errors.Is(err, context.Canceled) && !errors.Is(err, batcher.ErrCanceled):
			m.check(m.strict && errors.Is(err, batcher.ErrClosed), "#%d of submitter %d got %v", i+1, submitter, err)
		}
	}
}
