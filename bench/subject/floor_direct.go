package subject

// floorDirect processes each request alone in its caller's goroutine: what the Func and the harness cost without any batching.
var floorDirect = Subject{
	Name:     FloorDirect,
	Kind:     Floor,
	Use:      "no batching: each caller runs Func on its own request",
	Results:  "yes",
	Errors:   "yes",
	Contexts: "no",
	Handlers: "unbounded",
	Start:    func(s Settings) Service { return direct{s.Work} },
}

type direct struct{ work func(size int) }

func (d direct) Caller() func(int) (int, error) {
	return func(req int) (int, error) {
		d.work(1)
		return req, nil
	}
}

func (d direct) Burst(n int) (func(int), func(int) (int, error)) {
	return func(int) { d.work(1) }, func(i int) (int, error) { return i, nil }
}

func (d direct) Stop() {}
