package subject

import "sync"

// call is a request to a peer that returns no results: the handler leaves the answer in out and calls done, the cheapest way for a user to add them.
type call struct {
	in, out int
	done    sync.WaitGroup
}

func (c *call) begin(req int) {
	c.in = req
	c.done.Add(1)
}

func (c *call) answer() {
	c.out = c.in
	c.done.Done()
}

func (c *call) wait() int {
	c.done.Wait()
	return c.out
}

// handed serves calls through add, which takes a call and returns before it is answered.
type handed struct {
	add  func(*call) error
	stop func()
}

func (h handed) Caller() func(int) (int, error) {
	c := new(call)
	return func(req int) (int, error) {
		c.begin(req)
		if err := h.add(c); err != nil {
			return 0, err
		}
		return c.wait(), nil
	}
}

func (h handed) Burst(n int) (func(int), func(int) (int, error)) {
	calls := make([]call, n)
	errs := make(map[int]error)
	submit := func(i int) {
		calls[i].begin(i)
		if err := h.add(&calls[i]); err != nil {
			errs[i] = err
		}
	}
	collect := func(i int) (int, error) {
		if err := errs[i]; err != nil {
			return 0, err
		}
		return calls[i].wait(), nil
	}
	return submit, collect
}

func (h handed) Stop() { h.stop() }
