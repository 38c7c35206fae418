package modeltest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobatcher/batcher"
)

// stress has many goroutines do everything at once, in real time. It knows no
// order: it checks that each answer is one that its request may get.
type stress struct {
	subject
	batcher *batcher.Batcher[Request, int] // nil for a Keyed
	rules
	stop chan struct{} // closed when it is time to end

	made   atomic.Int64 // requests
	seen   sync.Map     // requests that Func got, with their cancel functions before
	inFunc atomic.Int64

	mu    sync.Mutex // guards fault
	fault string     // the first
}

// stressed is one request of a stress.
type stressed struct {
	Request
	ctx     context.Context
	cancel  context.CancelFunc
	causes  []error     // what its context may end with
	late    bool        // its context ends just as the answer comes
	left    bool        // Cancel said that it was withdrawn
	refused bool        // it may be refused for want of room
	inFunc  atomic.Bool // Func got it
}

func newStress(opts batcher.Options, keyed bool) *stress {
	s := &stress{rules: rulesOf(opts), stop: make(chan struct{})}
	if keyed {
		s.subject = batcher.NewKeyed(s.fn, opts)
	} else {
		s.batcher = batcher.New(func(ctx context.Context, reqs []Request) ([]int, error) { return s.fn(ctx, -1, reqs) }, opts)
		s.subject = plain{s.batcher}
	}
	return s
}

func (s *stress) check(ok bool, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !ok && s.fault == "" {
		s.fault = fmt.Sprintf(format, args...)
	}
}

func (s *stress) stopped() bool { return isDone(s.stop) }

// fn is Func.
func (s *stress) fn(ctx context.Context, key int, reqs []Request) ([]int, error) {
	info, _ := batcher.FromContext(ctx)
	s.check(s.inFunc.Add(1) <= int64(min(s.slots, 1<<30)), "more than %d batches in Func", s.slots)
	defer s.inFunc.Add(-1)
	weight := 0
	for i, r := range reqs {
		weight += max(0, r.Weighs)
		v, _ := s.seen.Load(r.ID)
		q := v.(*stressed)
		s.check(!q.inFunc.Swap(true), "Func got #%d twice", r.ID)
		s.check(key < 0 || key == r.Key, "Func got #%d of key %d for key %d", r.ID, r.Key, key)
		s.check(info.Requests[i] == q.ctx, "Info.Requests[%d] is not the context of #%d", i, r.ID)
		if q.late {
			defer q.cancel() // just as the answer comes
		}
	}
	s.check(len(reqs) <= s.maxSize && weight <= s.maxWeight && weight == info.Weight, "Func got %d requests of weight %d", len(reqs), weight)
	defer clear(reqs)
	return perform(ctx, reqs)
}

// request makes a request, with one of several contexts.
func (s *stress) request() *stressed {
	id := int(s.made.Add(1))
	q := &stressed{Request: Request{ID: id, Key: rand.IntN(keys), Weighs: rand.IntN(4), Fails: rand.IntN(2) == 0}}
	q.Act = Act(rand.IntN(int(Heed) + 1)) // a Func that hangs would only slow things down
	if rand.IntN(2) == 0 {
		q.Act = Succeed
	}
	if rand.IntN(4) == 0 {
		q.Run = time.Duration(rand.IntN(200)) * time.Microsecond
	}
	s.setContext(q)
	s.seen.Store(id, q)
	return q
}

// setContext gives q one of several contexts.
func (s *stress) setContext(q *stressed) {
	ctx, cancel := context.WithCancel(context.Background())
	switch rand.IntN(6) {
	case 0:
		ctx, cancel = context.WithTimeout(ctx, time.Duration(rand.IntN(500))*time.Microsecond)
		q.causes = []error{context.Canceled, context.DeadlineExceeded}
	case 1:
		q.causes = []error{context.Canceled}
		go func() {
			yield(rand.IntN(20))
			cancel()
		}()
	case 2:
		q.causes = []error{context.Canceled}
		q.late = true
	default:
		q.ctx, q.cancel = context.WithValue(context.Background(), idKey{}, q.ID), cancel
		return
	}
	q.ctx, q.cancel = meddler{ctx, s}, cancel
}

// meddler is a context that takes its time, and sometimes flushes, when it is
// asked: what waits for its answer is exposed to all the others.
type meddler struct {
	context.Context
	s *stress
}

func (m meddler) Err() error {
	yield(rand.IntN(3))
	if rand.IntN(8) == 0 && m.s.subject != nil {
		m.s.flush()
	}
	return m.Context.Err()
}

func (m meddler) Done() <-chan struct{} {
	yield(rand.IntN(3))
	return m.Context.Done()
}

func yield(n int) {
	for range n {
		runtime.Gosched()
	}
}

// judge checks an answer.
func (s *stress) judge(q *stressed, value int, err error) {
	s.check(s.permits(q, value, err), "#%d (%v) got %d, %v", q.ID, q.Act, value, err)
}

func (s *stress) permits(q *stressed, value int, err error) bool {
	if err == nil {
		return value == answerTo(q.ID) && q.inFunc.Load() && !q.left
	}
	for _, cause := range q.causes {
		if errors.Is(err, cause) {
			return value == 0
		}
	}
	switch {
	case value != 0 || errors.Is(err, context.Canceled):
		return false
	case errors.Is(err, batcher.ErrClosed):
		return !q.left && s.stopped()
	case errors.Is(err, batcher.ErrFull), errors.Is(err, batcher.ErrStarted):
		return q.refused && !q.inFunc.Load()
	case errors.Is(err, batcher.ErrTooHeavy):
		return q.Weighs > s.maxWeight
	case q.left:
		return errors.Is(err, batcher.ErrCanceled) && !q.inFunc.Load()
	case errors.Is(err, batcher.ErrCanceled):
		return true // Func's context.Canceled, or the whole batch
	}
	return q.inFunc.Load() && fromFunc(err, q.ID)
}

// fromFunc reports whether err is one that a Func gives request id.
func fromFunc(err error, id int) bool {
	var whole batchError
	var own requestError
	var p *batcher.PanicError
	switch {
	case errors.As(err, &own):
		return int(own) == id
	case errors.As(err, &whole), errors.As(err, &p), errors.Is(err, batcher.ErrResultCount), errors.Is(err, context.DeadlineExceeded):
		return true
	}
	return err.Error() == "batcher: Func called runtime.Goexit"
}
