package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobatcher/batcher/natsbatch"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/oracle"
)

// Do hands a load in with Do and returns when every call has returned.
func (fe *FrontEnd) Do(l Load, sum *Summary) error {
	*sum = fe.run(l, func(ctx context.Context, s *tally, id string, payload []byte) error {
		answer, err := fe.client.Do(ctx, payload, l.options("")...)
		fe.outcome(s, id, answer, err)
		return err
	})
	return nil
}

// Submit hands a load in with Submit, and waits for the results if it says so.
func (fe *FrontEnd) Submit(l Load, sum *Summary) error {
	*sum = fe.run(l, func(ctx context.Context, s *tally, id string, payload []byte) error {
		handle, err := fe.client.Submit(ctx, payload, l.options(id)...)
		if err != nil {
			fe.outcome(s, id, nil, err)
			return err
		}
		fe.note(oracle.Acked, id, handle.String())
		s.count(func(s *Summary) { s.Acked++ })
		if l.Wait {
			answer, err := fe.client.Wait(context.Background(), handle)
			fe.outcome(s, id, answer, err)
		}
		return nil
	})
	return nil
}

func (l Load) options(id string) (opts []natsbatch.Option) {
	opts = append(opts, natsbatch.Urgency(l.Priority), natsbatch.Group(l.Group))
	if l.Keyed {
		opts = append(opts, natsbatch.Key(id))
	}
	return opts
}

// op is what the i-th request wants.
func (l Load) op(i int) Op {
	if l.Op == "" || l.Every > 0 && i%l.Every != l.Every/2 {
		return Plain
	}
	return l.Op
}

// call hands one request in, and writes down what becomes of it.
type call func(ctx context.Context, s *tally, id string, payload []byte) error

// run makes the calls of a load.
func (fe *FrontEnd) run(l Load, call call) Summary {
	var s tally
	began, stop := time.Now(), fe.stopping()
	one := func(i int) {
		id := fmt.Sprintf("%s%d", l.Prefix, i)
		payload := Payload(id, l.op(i), l.Arg, l.Size)
		fe.note(oracle.Sent, id, oracle.Hash(payload))
		ctx, cancel := context.Background(), context.CancelFunc(func() {})
		if l.Deadline > 0 {
			ctx, cancel = context.WithTimeout(ctx, l.Deadline)
		}
		defer cancel()
		s.count(func(s *Summary) { s.Sent++ })
		start := time.Now()
		err := call(ctx, &s, id, payload)
		if l.Light {
			return
		}
		s.times.add(time.Since(start))
		if errors.Is(err, natsbatch.ErrFull) {
			s.refused.add(time.Since(start))
		}
	}
	if l.Rate > 0 {
		open(l, stop, one)
	} else {
		closed(l, stop, one)
	}
	s.sum.Took, s.sum.Latency, s.sum.Refusal = time.Since(began), s.times.distribution(), s.refused.distribution()
	return s.sum
}

// closed has each caller begin when its last call has returned.
func closed(l Load, stop <-chan struct{}, one func(i int)) {
	var next atomic.Int64
	var group sync.WaitGroup
	for range max(1, l.Callers) {
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				i := int(next.Add(1)) - 1
				if l.Count > 0 && i >= l.Count {
					return
				}
				one(i)
			}
		})
	}
	group.Wait()
}

// tick is how often an open load begins calls: often enough to look even to
// batches that gather for milliseconds.
const tick = time.Millisecond

// open begins calls at a rate, whether or not earlier ones have returned.
func open(l Load, stop <-chan struct{}, one func(i int)) {
	var group sync.WaitGroup
	defer group.Wait()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	began, i := time.Now(), 0
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
		for due := int(l.Rate * time.Since(began).Seconds()); i < due; i++ {
			if l.Count > 0 && i >= l.Count {
				return
			}
			number := i
			group.Go(func() { one(number) })
		}
	}
}
