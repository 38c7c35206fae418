package subject

// floorChan is a bare channel round trip: what it costs to have another goroutine answer.
var floorChan = Subject{
	Name:     FloorChan,
	Kind:     Floor,
	Use:      "no batching: an unbuffered channel to one server goroutine, the answer on the caller's own channel",
	Results:  "yes",
	Errors:   "no",
	Contexts: "no",
	Handlers: "one",
	Start:    startChan,
}

type chanRequest struct {
	req    int
	answer chan int
}

type chanServer struct {
	requests chan chanRequest
	ended    chan struct{}
}

func startChan(s Settings) Service {
	c := chanServer{requests: make(chan chanRequest), ended: make(chan struct{})}
	go func() {
		defer close(c.ended)
		for r := range c.requests {
			s.Work(1)
			r.answer <- r.req
		}
	}()
	return c
}

func (c chanServer) Caller() func(int) (int, error) {
	answer := make(chan int, 1)
	return func(req int) (int, error) {
		c.requests <- chanRequest{req, answer}
		return <-answer, nil
	}
}

func (c chanServer) Burst(n int) (func(int), func(int) (int, error)) {
	answers := make([]chan int, n)
	submit := func(i int) {
		answers[i] = make(chan int, 1)
		c.requests <- chanRequest{i, answers[i]}
	}
	return submit, func(i int) (int, error) { return <-answers[i], nil }
}

func (c chanServer) Stop() {
	close(c.requests)
	<-c.ended
}
