package batcher_test

import (
	"cmp"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
)

// target is the TargetTime of these tests.
const target = 100 * ms

// cost is what a run takes, and what each of its requests takes besides.
type cost struct{ fixed, each time.Duration }

// backend has a Func that takes what it costs.
type backend struct {
	cost
	factor func(run int) float64 // of what run 0, 1, … costs; nil: 1
	err    error

	mu    sync.Mutex
	sizes []int // of the runs
	above []int // the runs that took longer than the target
}

func (e *backend) process(_ context.Context, reqs []int) ([]int, error) {
	e.mu.Lock()
	took := e.fixed + time.Duration(len(reqs))*e.each
	if e.factor != nil {
		took = time.Duration(float64(took) * e.factor(len(e.sizes)))
	}
	if took > target {
		e.above = append(e.above, len(e.sizes))
	}
	e.sizes = append(e.sizes, len(reqs))
	err := e.err
	e.mu.Unlock()
	time.Sleep(took)
	return reqs, err
}

func (e *backend) runs() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.sizes)
}

// best is the largest size that takes the target at most, where all costs
// factor times as much.
func (c cost) best(factor float64, most int) int {
	best := int((float64(target)/factor - float64(c.fixed)) / float64(c.each))
	if most > 0 {
		best = min(best, most)
	}
	return max(1, best)
}

// saturate hands in requests, as many as MaxPending lets it, until Func has
// run n times more.
func (e *backend) saturate(b *batcher.Batcher[int, int], n int) {
	for n += e.runs(); e.runs() < n; {
		b.Submit(context.Background(), 0)
	}
}

// run is the whole life of a Batcher with so many pending requests.
func (e *backend) run(t *testing.T, maxSize, pending, n int) {
	synctest.Test(t, func(t *testing.T) {
		b := batcher.New(e.process, batcher.Options{MaxSize: maxSize, MaxPending: pending, TargetTime: target})
		e.saturate(b, n)
		b.Close()
	})
}

// runFull is the whole life of a Batcher that gets n batches as large as its
// limit, each when the one before is answered.
func (e *backend) runFull(t *testing.T, maxSize, n int) {
	synctest.Test(t, func(t *testing.T) {
		b := batcher.New(e.process, batcher.Options{MaxSize: maxSize, TargetTime: target, Delay: ms})
		for range n {
			reqs := make([]int, cmp.Or(b.Stats().SizeLimit, maxSize))
			expectAnswers(t, submitAll(b, reqs...), reqs...)
		}
	})
}

// waitingBatches are how many batches of the best size are pending; with one
// there is none to take when a run ends.
var waitingBatches = []int{2, 30}

// check compares runs 50 to 100 after a start or a change with the best size.
func (e *backend) check(t *testing.T, after, best int) {
	t.Helper()
	settled := e.sizes[after+50 : after+100]
	if off := float64(median(settled))/float64(best) - 1; math.Abs(off) > 0.15 {
		t.Errorf("%+v: the best size is %d, the batches are %v", e.cost, best, settled)
	}
}

func median(sizes []int) int {
	return slices.Sorted(slices.Values(sizes))[len(sizes)/2]
}

func TestTargetTimeConverges(t *testing.T) {
	for _, c := range []cost{
		{0, 25 * ms},
		{10 * ms, 9 * ms},
		{33 * ms, ms / 4},
		{50 * ms, 1 * ms},
		{60 * ms, 40 * ms}, // only one at a time fits
		{90 * ms, ms / 3},
		{98 * ms, ms / 50}, // that hardly depends on the size
	} {
		for _, maxSize := range []int{8, 64, 512, 4096, 0} {
			for _, waiting := range waitingBatches {
				e := &backend{cost: c}
				best := e.best(1, maxSize)
				e.run(t, maxSize, waiting*best, 100)
				e.check(t, 0, best)
				from, _ := slices.BinarySearch(e.above, 50)
				to, _ := slices.BinarySearch(e.above, 100)
				if late := to - from; late > 15 {
					t.Errorf("%+v: %d of 50 batches took longer than the target", c, late)
				}
			}
		}
	}
}

func TestTargetTimeFollowsAChange(t *testing.T) {
	for _, factor := range [][2]float64{{0.1, 1}, {1, 0.1}, {0.5, 1}, {1, 0.5}} { // slower, faster
		for _, c := range []cost{{1 * ms, 1 * ms}, {9 * ms, 10 * ms}, {30 * ms, 2 * ms}} {
			for _, waiting := range waitingBatches {
				e := &backend{cost: c, factor: func(run int) float64 { return factor[min(1, run/100)] }}
				before, after := e.best(factor[0], 4096), e.best(factor[1], 4096)
				e.run(t, 4096, waiting*max(before, after), 200)
				e.check(t, 0, before)
				e.check(t, 100, after)
			}
		}
	}
}

func TestTargetTimeWithNoise(t *testing.T) {
	for _, noise := range []float64{0.1, 0.2} {
		for _, c := range []cost{{1 * ms, 4 * ms}, {10 * ms, 1 * ms}, {30 * ms, ms / 5}} {
			for seed := range uint64(5) {
				random := rand.New(rand.NewPCG(seed, 1))
				for _, waiting := range waitingBatches {
					e := &backend{cost: c, factor: func(int) float64 { return 1 + noise*(2*random.Float64()-1) }}
					best := e.best(1, 1024)
					e.run(t, 1024, waiting*best, 100)
					e.check(t, 0, best)
				}
			}
		}
	}
}

// Stalls come in every phase of the search for the limit. They are seen by
// full batches, one after the other, so that it is known which of them stall.
func TestTargetTimeOutlastsAStall(t *testing.T) {
	for _, c := range []struct {
		stalls []int // runs that take 100 times as long
		least  int
	}{
		{[]int{0}, 48}, // with a run before it that is just above the target
		{[]int{0, 3}, 48},
		{[]int{0, 1}, 24},
	} {
		for first := 60; first < 70; first++ {
			e := &backend{cost: cost{50 * ms, 1 * ms}, factor: func(run int) float64 {
				if slices.Contains(c.stalls, run-first) {
					return 100
				}
				return 1
			}}
			e.runFull(t, 400, 150)
			best := e.best(1, 0)
			e.check(t, 50, best)
			if after := e.sizes[first : first+30]; slices.Min(after) < c.least || median(after[20:]) < best*85/100 {
				t.Errorf("stalls in the runs %v after %d: %v", c.stalls, first, after)
			}
		}
	}
}

// Func is never as slow as the target, and slower at any size.
func TestTargetTimeOutOfReachOfFunc(t *testing.T) {
	for _, c := range []struct {
		cost
		opts  batcher.Options
		limit int
	}{
		{cost{50 * ms, 1 * ms}, batcher.Options{MaxSize: 40, MinSize: 40}, 40},
		{cost{50 * ms, 0}, batcher.Options{Delay: ms}, 0},
		{cost{120 * ms, 1 * ms}, batcher.Options{MaxSize: 40}, 1},
		{cost{120 * ms, 0}, batcher.Options{}, 1},
		{cost{50 * ms, 5 * ms}, batcher.Options{MaxSize: 100, MinSize: 16}, 16},
	} {
		s, life := c.serve(t, c.opts)
		c.opts.TargetTime = target
		aimed, aimedLife := c.serve(t, c.opts)
		if aimed.Succeeded != 8000 || aimed.Rejected > 0 || aimed.SizeLimit != c.limit {
			t.Errorf("%+v: %+v", c, aimed)
		}
		if c.limit == c.opts.MaxSize && (aimedLife != life || aimed != s) {
			t.Errorf("%+v: %v without a target, %v with one: %+v", c, life, aimedLife, aimed)
		}
	}
}

// serve answers 8000 requests that come 80 at a time, and tells how long it takes.
func (c cost) serve(t *testing.T, opts batcher.Options) (s batcher.Stats, life time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		b, start := batcher.New((&backend{cost: c}).process, opts), time.Now()
		for range 100 {
			expectAnswers(t, submitAll(b, make([]int, 80)...), make([]int, 80)...)
		}
		life = time.Since(start)
		b.Close()
		s = b.Stats()
	})
	return s, life
}

// For ten seconds the back end is slow and overloaded; then a request is alone.
func TestAfterABurstALoneRequestIsBackAtItsFloor(t *testing.T) {
	for floor, opts := range map[time.Duration]batcher.Options{
		21 * ms: {},
		51 * ms: {Delay: 30 * ms},
		31 * ms: {MinSize: 8},
	} {
		synctest.Test(t, func(t *testing.T) {
			burst := time.Now().Add(10 * time.Second)
			e := &backend{cost: cost{20 * ms, 1 * ms}}
			e.factor = func(int) float64 {
				if time.Now().Before(burst) {
					return 2
				}
				return 1
			}
			opts.MaxSize, opts.TargetTime, opts.MaxPending = 1000, target, 1000
			b := batcher.New(e.process, opts)
			for time.Now().Before(burst) {
				b.Submit(context.Background(), 0)
			}
			time.Sleep(5 * time.Second)
			for range 20 {
				start := time.Now()
				if _, err := b.Do(context.Background(), 0); err != nil || time.Since(start) != floor {
					t.Errorf("%+v: %v, %v, want %v; the limit is %d", opts, time.Since(start), err, floor, b.Stats().SizeLimit)
				}
			}
		})
	}
}

func TestKeysShareOneSizeLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &backend{cost: cost{0, 10 * ms}}
		k := batcher.NewKeyed(func(ctx context.Context, _ string, reqs []int) ([]int, error) {
			return e.process(ctx, reqs)
		}, batcher.Options{MaxSize: 64, TargetTime: target, MaxPending: 64})
		for e.runs() < 60 {
			k.Submit(context.Background(), "a", 0)
		}
		for range 64 {
			k.Submit(context.Background(), "b", 0) // the first ones wait for the last of a
		}
		k.Close()
		if largest := slices.Max(e.sizes[60:]); largest < 10 || largest > 11 {
			t.Errorf("batches of %v", e.sizes)
		}
	})
}

func TestStatsTellWhyTheSizeLimitMoved(t *testing.T) {
	for _, c := range []struct {
		maxSize int
		runs    []time.Duration // of one full batch of up to 64 after the other
		limit   int
		want    string
	}{
		{64, []time.Duration{100 * ms}, 64, ""},
		{64, []time.Duration{time.Second}, 64, ""},
		{64, []time.Duration{150 * ms, 125 * ms}, 51, "shrank from 64 to 51: 64 requests took 125ms, TargetTime is 100ms"},
		{0, []time.Duration{time.Second, time.Second}, 32, "shrank from no limit to 32: 64 requests took 1s, TargetTime is 100ms"},
		{64, []time.Duration{time.Second, time.Second, 90 * ms, 80 * ms}, 48, "grew from 32 to 48: 32 requests took 80ms, TargetTime is 100ms"},
	} {
		synctest.Test(t, func(t *testing.T) {
			e := &backend{cost: cost{fixed: 1}, factor: func(run int) float64 { return float64(c.runs[run]) }}
			b := batcher.New(e.process, batcher.Options{MaxSize: c.maxSize, TargetTime: target, Delay: ms})
			for range c.runs {
				size := cmp.Or(b.Stats().SizeLimit, 64)
				expectAnswers(t, submitAll(b, make([]int, size)...), make([]int, size)...)
			}
			if s := b.Stats(); s.SizeLimit != c.limit || s.LimitMoved != c.want {
				t.Errorf("after %v: %d, %q, want %d, %q", c.runs, s.SizeLimit, s.LimitMoved, c.limit, c.want)
			}
		})
	}
}

// A Func that fails at once is not fast, nor is one that gives each request the
// same error, as Isolate and the loader do.
func TestFailureDoesNotRaiseTheSizeLimit(t *testing.T) {
	for name, failure := range map[string]func(n int) error{
		"of all":  func(int) error { return errBroken },
		"of each": func(n int) error { return batcher.Errors(slices.Repeat([]error{errBroken}, n)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &backend{cost: cost{0, 10 * ms}}
				b := batcher.New(func(ctx context.Context, reqs []int) ([]int, error) {
					res, err := e.process(ctx, reqs)
					if err != nil {
						return nil, failure(len(reqs))
					}
					return res, nil
				}, batcher.Options{MaxSize: 64, TargetTime: target, MaxPending: 64})
				e.saturate(b, 60)
				limit := b.Stats().SizeLimit
				e.mu.Lock()
				e.cost, e.err = cost{}, errBroken
				e.mu.Unlock()
				e.saturate(b, 100)
				b.Close()
				if s := b.Stats(); s.SizeLimit > limit+2 { // the run that was under way succeeded
					t.Errorf("was %d: %+v", limit, s)
				}
			})
		})
	}
}

// A lower limit makes batches full that wait for company, of any key.
func TestLowerLimitStartsWhatIsFullByIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &backend{cost: cost{0, 10 * ms}} // the best size is 10
		k := batcher.NewKeyed(func(ctx context.Context, _ string, reqs []int) ([]int, error) { return e.process(ctx, reqs) },
			batcher.Options{MaxSize: 100, Delay: time.Hour, TargetTime: target})
		waiting := submitKey(k, "a", make([]int, 60)...)
		for range 10 {
			reqs := make([]int, k.Stats().SizeLimit)
			for _, f := range submitKey(k, "b", reqs...) {
				f.Wait(context.Background())
			}
		}
		time.Sleep(time.Minute)
		if !closed(waiting[0].Done()) {
			t.Errorf("60 requests wait for the delay: %+v", k.Stats())
		}
		k.Close()
	})
}

func TestRunsThatFailTooLateLowerTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := batcher.New(func(context.Context, []int) ([]int, error) {
			time.Sleep(slow)
			return nil, errors.New("too late")
		}, batcher.Options{MaxSize: 8, TargetTime: target})
		submitBehind(b, 1, 16)
		b.Close()
		if limit := b.Stats().SizeLimit; limit != 1 {
			t.Errorf("the limit is %d, want 1", limit)
		}
	})
}
