package middleware

import (
	"context"

	"github.com/gobatcher/batcher"
)

// Dedup passes equal requests of one batch to fn only once: the first with each
// key, in the order in which they came. All their callers get fn's answer to
// that one, a result or an error, so they share whatever a result points to.
// Requests of different batches are never merged.
//
// key must return equal keys for requests that may share an answer; it is
// called once for each request, in the goroutine of the batch. If it panics,
// or returns a key that cannot be hashed (K is an interface), all requests of
// the batch fail. Dedup does not wait. It panics if fn or key is nil.
func Dedup[Req, Res any, K comparable](fn batcher.Func[Req, Res], key func(Req) K) batcher.Func[Req, Res] {
	need("Dedup", fn)
	if key == nil {
		panic("middleware: Dedup with a nil key")
	}
	return func(ctx context.Context, reqs []Req) ([]Res, error) {
		at, from := merge(reqs, key)
		if len(at) == len(reqs) {
			return fn(ctx, reqs)
		}
		res, err := fn(part(ctx, reqs, at), pick(reqs, at))
		return spread(judge(res, err, len(at)), from).unpack()
	}
}

// merge returns the places of the first request with each key, and for every
// request the index of its key's first among them.
func merge[Req any, K comparable](reqs []Req, key func(Req) K) (firsts, from []int) {
	places := make(map[K]int, len(reqs))
	firsts, from = make([]int, 0, len(reqs)), make([]int, len(reqs))
	for i, req := range reqs {
		k := key(req)
		place, seen := places[k]
		if !seen {
			place = len(firsts)
			places[k] = place
			firsts = append(firsts, i)
		}
		from[i] = place
	}
	return firsts, from
}

// widened is an error that wraps a Reject of some of a batch's requests. To
// errors.As the Reject is wide, which names all requests that are equal to
// those; otherwise the error stays what it is.
type widened struct {
	error
	wide Reject
}

func (e *widened) Unwrap() error { return e.error }

func (e *widened) As(target any) bool {
	reject, ok := target.(*Reject)
	if ok {
		*reject = e.wide
	}
	return ok
}

// spread gives every request the outcome of its key's first. A Reject must name
// them all as well, for an Isolate outside.
func spread[Res any](o outcome[Res], from []int) outcome[Res] {
	if reject, ok := as[Reject](o.err); ok {
		wide := make(Reject, len(reject))
		for i, place := range from {
			if err, named := reject[place]; named {
				wide[i] = err
			}
		}
		if _, bare := o.err.(Reject); bare { // its text counts places, so it must be the wide one's
			return outcome[Res]{err: wide}
		}
		return outcome[Res]{err: &widened{o.err, wide}}
	}
	if o.err != nil {
		return o
	}
	wide := outcome[Res]{res: pick(o.res, from)}
	if o.each != nil {
		wide.each = pick(o.each, from)
	}
	return wide
}
