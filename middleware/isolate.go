package middleware

import (
	"context"
	"errors"
	"math"
	"math/bits"
	"slices"

	"github.com/gobatcher/batcher"
)

// Isolate finds the requests that make a batch fail and saves the others. When
// fn fails all requests of a call with one error for which when returns true,
// they run again in halves, until the culprits are alone with their errors
// and all others have their results. A panic and a wrong number of results
// are such errors. Requests that fn failed one by one, with a
// [batcher.Errors], need no isolation and do not run again.
//
// fn must be safe to repeat: a call that failed may have left something
// behind. The default of when, nil, is therefore every error except those of a
// context and timeouts (errors whose Timeout method returns true), after which
// the other side may still be at work. when is called only if the call had two
// requests or more.
//
// Two errors make fn run again whatever when returns. After a [Reject] the
// requests that it names fail and the rest runs once more, undivided. After a
// [TooLarge] the requests are halved.
//
// budget is the most calls after the first one. Default: zero, which is
// 2·log2(n)+1 for n requests, log2 rounded up: enough to find one culprit
// wherever it stands. Negative: no limit, which for n requests ends after
// 2n-2 calls. All halves run before the first quarter, so a budget too small
// for many culprits saves as many requests as it can; the rest get the error of
// the last call they were in. Halves after a TooLarge are not counted, since a
// budget would leave over requests that had never had a chance.
//
// Calls run one after the other, and none begins once ctx has ended; requests
// left over then keep the error that they have. Isolate itself does not wait.
// It panics if fn is nil.
func Isolate[Req, Res any](fn batcher.Func[Req, Res], when func(error) bool, budget int) batcher.Func[Req, Res] {
	need("Isolate", fn)
	if when == nil {
		when = over
	}
	return func(ctx context.Context, reqs []Req) ([]Res, error) {
		o := call(ctx, fn, slices.Clone(reqs))
		if o.err == nil {
			return o.unpack()
		}
		at := span(len(reqs))
		queue := split(at, o.err, when)
		if queue == nil {
			return o.unpack()
		}
		all := gather[Res](len(reqs))
		all.add(at, o)
		s := search[Req, Res]{fn: fn, when: when, reqs: reqs, all: all, queue: queue, left: allowance(budget, len(reqs))}
		s.run(ctx)
		return all.unpack()
	}
}

// search is one batch on its way to its culprits.
type search[Req, Res any] struct {
	fn    batcher.Func[Req, Res]
	when  func(error) bool
	reqs  []Req
	all   *answers[Res]
	queue []group
	left  int // calls that the budget still grants
}

func (s *search[Req, Res]) run(ctx context.Context) {
	for ; len(s.queue) > 0 && ctx.Err() == nil; s.queue = s.queue[1:] {
		g := s.queue[0]
		if !s.grant(g) {
			continue
		}
		o := call(part(ctx, s.reqs, g.at), s.fn, pick(s.reqs, g.at))
		s.all.add(g.at, o)
		if o.err != nil {
			s.queue = append(s.queue, split(g.at, o.err, s.when)...)
		}
	}
}

// grant takes the call of g from the budget and reports whether there was one.
func (s *search[Req, Res]) grant(g group) bool {
	if g.free {
		return true
	}
	if s.left == 0 {
		return false
	}
	s.left--
	return true
}

// group is requests to run together once more.
type group struct {
	at   []int // where they stand in the batch
	free bool  // does not count against the budget
}

// split returns what runs after a call that failed with err; nothing if err is
// the answer.
func split(at []int, err error, when func(error) bool) []group {
	if reject, ok := as[Reject](err); ok && len(reject) > 0 {
		return []group{{at: spared(at, reject)}}
	}
	_, large := as[TooLarge](err)
	if len(at) < 2 || !large && !when(err) {
		return nil
	}
	half := len(at) / 2
	return []group{{at[:half], large}, {at[half:], large}}
}

// spared returns at without the requests that reject names, by their index in
// the call.
func spared(at []int, reject Reject) []int {
	rest := make([]int, 0, len(at)-len(reject))
	for i, place := range at {
		if _, named := reject[i]; !named {
			rest = append(rest, place)
		}
	}
	return rest
}

// allowance is the number of calls that budget grants n requests.
func allowance(budget, n int) int {
	switch {
	case budget < 0:
		return math.MaxInt
	case budget == 0:
		return 2*bits.Len(uint(n-1)) + 1
	}
	return budget
}

// over reports whether the call that failed with err is surely over.
func over(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var timeout interface{ Timeout() bool } // net.Error, without linking package net
	return !errors.As(err, &timeout) || !timeout.Timeout()
}
