package middleware

import "github.com/gobatcher/batcher"

// answers gathers the outcomes of several calls, each with some of a batch's
// requests.
type answers[Res any] struct {
	res  []Res
	each batcher.Errors
}

func gather[Res any](n int) *answers[Res] {
	return &answers[Res]{res: make([]Res, n), each: make(batcher.Errors, n)}
}

// add enters the outcome of a call with the requests at these places of the
// batch. The latest answer of a request counts, so a request that does not run
// again keeps the answer that it has.
func (a *answers[Res]) add(at []int, o outcome[Res]) {
	for i, to := range at {
		a.each[to] = o.errOf(i)
		if o.err == nil {
			a.res[to] = o.res[i]
		}
	}
}

// unpack returns a as a Func does.
func (a *answers[Res]) unpack() ([]Res, error) {
	for _, err := range a.each {
		if err != nil {
			return a.res, a.each
		}
	}
	return a.res, nil
}

// span returns the places of n requests.
func span(n int) []int {
	at := make([]int, n)
	for i := range at {
		at[i] = i
	}
	return at
}

// pick copies the requests at these places.
func pick[Req any](reqs []Req, at []int) []Req {
	picked := make([]Req, len(at))
	for i, from := range at {
		picked[i] = reqs[from]
	}
	return picked
}
