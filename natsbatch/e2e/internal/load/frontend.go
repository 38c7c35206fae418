package load

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
	"github.com/nats-io/nats.go"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/oracle"
)

// FrontEndRole is the name under which RunFrontEnd must be given to [proc.Main].
const FrontEndRole = "front-end"

// FrontEnd is a process that hands requests in.
type FrontEnd struct {
	client *natsbatch.Client[[]byte, []byte]
	conn   *nats.Conn
	log    *oracle.Log

	mu   sync.Mutex // guards stop
	stop chan struct{}
}

// RunFrontEnd is the front end's process.
func RunFrontEnd(text json.RawMessage) (any, func(context.Context) error, error) {
	var place Place
	if err := json.Unmarshal(text, &place); err != nil {
		return nil, nil, err
	}
	place.arm()
	fe, err := StartFrontEnd(place, place.connect)
	if err != nil {
		return nil, nil, err
	}
	return fe, fe.Shutdown, nil
}

// StartFrontEnd starts a front end in this process.
func StartFrontEnd(place Place, connect Connect) (fe *FrontEnd, err error) {
	fe = &FrontEnd{stop: make(chan struct{})}
	if fe.log, err = place.log(); err != nil {
		return nil, err
	}
	if fe.conn, err = connect(); err != nil {
		return nil, err
	}
	ctx, cancel := patient()
	defer cancel()
	fe.client, err = natsbatch.NewClient[[]byte, []byte](ctx, fe.conn, place.Queue, natsbatch.ClientOptions{})
	if err != nil {
		fe.conn.Close()
		return nil, err
	}
	return fe, nil
}

// Load is requests to hand in.
type Load struct {
	Prefix   string        // of their ids, which go on with a number
	Count    int           // how many. Zero: until Stop.
	Callers  int           // how many wait at once. Default: zero, which is 1.
	Rate     float64       // how many begin a second, whoever waits. Zero: as soon as a caller is free.
	Size     int           // bytes of one
	Op       Op            // Default: empty, Plain.
	Arg      int           // of Op
	Every    int           // only one in so many has Op, the others are Plain. Default: zero, all.
	Deadline time.Duration // of one. Zero: none.
	Priority natsbatch.Priority
	Group    string
	Keyed    bool // Submit with the id as Key
	Wait     bool // Submit, and wait for the result
	Light    bool // keep no times, which take memory of their own
}

// Summary is what became of a Load.
type Summary struct {
	Sent, Answered, Acked       int
	Full, Expired, Dead, Failed int // definite errors
	Unknown                     int
	Latency                     Latency // of those with any outcome
	Refusal                     Latency // of those that found the queue full
	Took                        time.Duration
	Fault                       string // an error that no test expects
}

// PerSecond is how many requests were answered a second.
func (s Summary) PerSecond() float64 { return float64(s.Answered) / s.Took.Seconds() }

// Stop ends all loads that run until then.
func (fe *FrontEnd) Stop(int, *int) error {
	fe.mu.Lock()
	defer fe.mu.Unlock()
	close(fe.stop)
	fe.stop = make(chan struct{})
	return nil
}

func (fe *FrontEnd) stopping() <-chan struct{} {
	fe.mu.Lock()
	defer fe.mu.Unlock()
	return fe.stop
}

// Usage tells what the process has used.
func (fe *FrontEnd) Usage(_ int, u *Usage) (err error) {
	*u, err = usage()
	return err
}

// Shutdown ends the front end in order.
func (fe *FrontEnd) Shutdown(ctx context.Context) error {
	defer fe.conn.Close()
	return fe.client.Shutdown(ctx)
}

func (fe *FrontEnd) note(kind oracle.Kind, id, value string) {
	if fe.log != nil {
		fe.log.Write(oracle.Record{Kind: kind, ID: id, Value: value})
	}
}

// outcome counts and writes down what became of a request.
func (fe *FrontEnd) outcome(s *tally, id string, answer []byte, err error) {
	switch {
	case err == nil:
		fe.note(oracle.Answered, id, string(answer))
		s.count(func(s *Summary) { s.Answered++ })
	case errors.Is(err, natsbatch.ErrUnknownOutcome):
		fe.note(oracle.Unknown, id, err.Error())
		s.count(func(s *Summary) { s.Unknown++ })
	case errors.Is(err, natsbatch.ErrFull):
		s.count(func(s *Summary) { s.Full++ })
	case errors.Is(err, natsbatch.ErrExpired):
		fe.note(oracle.Failed, id, err.Error())
		s.count(func(s *Summary) { s.Expired++ })
	case errors.Is(err, natsbatch.ErrDead):
		fe.note(oracle.Failed, id, err.Error())
		s.count(func(s *Summary) { s.Dead++ })
	default:
		fe.note(oracle.Failed, id, err.Error())
		s.count(func(s *Summary) {
			s.Failed++
			s.Fault = err.Error()
		})
	}
}

// tally is a Summary that grows.
type tally struct {
	mu             sync.Mutex // guards sum
	sum            Summary
	times, refused latencies
}

func (s *tally) count(f func(*Summary)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.sum)
}
