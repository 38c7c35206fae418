// Package conformance is what holds of requests that are processed in
// batches, wherever they are: who gets what, whatever Func does and whoever
// leaves. One suite runs over package batcher, in one process, and over
// package natsbatch, across machines.
//
// What only one of them promises is tested by its own tests: virtual time and
// the exact errors of a panic at home, survival abroad.
package conformance

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gobatcher/batcher"
)

// Service is what takes requests and answers each from a batch.
type Service interface {
	// Do waits for the result of req.
	Do(ctx context.Context, req string) (string, error)

	// Submit hands req in. The first function it gives waits for its result,
	// any number of times.
	Submit(ctx context.Context, req string) (wait func(context.Context) (string, error), err error)

	// Close refuses new requests and returns when all accepted ones are answered.
	Close() error
}

// Driver makes a Service that runs fn in batches as o says. What it starts
// ends with t, if Close was not called before.
type Driver func(t *testing.T, fn batcher.Func[string, string], o batcher.Options) Service

// Run runs all cases.
func Run(t *testing.T, drive Driver) {
	for name, test := range map[string]func(*testing.T, Driver){
		"OwnAnswer":           ownAnswer,
		"OwnError":            ownError,
		"BatchError":          batchError,
		"WrongResultCount":    wrongResultCount,
		"WrongErrorCount":     wrongErrorCount,
		"ErrorsWithoutResult": errorsWithoutResult,
		"FullAtOnce":          fullAtOnce,
		"NeverOverMaxSize":    neverOverMaxSize,
		"DelayGathers":        delayGathers,
		"LoneRequest":         loneRequest,
		"Slots":               slots,
		"LeaverIsFreed":       leaverIsFreed,
		"NeighbourLeaves":     neighbourLeaves,
		"EndedNeverRuns":      endedNeverRuns,
		"WaitIsOneWait":       waitIsOneWait,
		"WaitAgain":           waitAgain,
		"InfoTellsSize":       infoTellsSize,
		"CloseAnswers":        closeAnswers,
		"ClosedRefuses":       closedRefuses,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, drive)
		})
	}
}

// patience is far longer than any answer takes, and ends a test that hangs.
const patience = 30 * time.Second

func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// answer names its request, so that one that goes astray is seen.
func answer(req string) string { return "answer to " + req }

func answerAll(_ context.Context, reqs []string) ([]string, error) {
	res := make([]string, len(reqs))
	for i, req := range reqs {
		res[i] = answer(req)
	}
	return res, nil
}

// names gives n requests.
func names(prefix string, n int) []string {
	reqs := make([]string, n)
	for i := range reqs {
		reqs[i] = fmt.Sprintf("%s%d", prefix, i)
	}
	return reqs
}

// doAll calls Do with each request from a goroutine of its own.
func doAll(ctx context.Context, s Service, reqs []string) []batcher.Result[string] {
	all := make([]batcher.Result[string], len(reqs))
	var group sync.WaitGroup
	for i, req := range reqs {
		group.Go(func() { all[i].Value, all[i].Err = s.Do(ctx, req) })
	}
	group.Wait()
	return all
}

// expect fails the test unless each request has its own answer.
func expect(t *testing.T, reqs []string, got []batcher.Result[string]) {
	t.Helper()
	for i, req := range reqs {
		if got[i].Err != nil || got[i].Value != answer(req) {
			t.Errorf("%s: got %q, %v", req, got[i].Value, got[i].Err)
		}
	}
}

// works fails the test unless a request is answered.
func works(t *testing.T, s Service) {
	t.Helper()
	if got, err := s.Do(patient(t), "after"); err != nil || got != answer("after") {
		t.Errorf("afterwards: got %q, %v", got, err)
	}
}

// gate lets a Func be entered and go on when the test says so.
type gate struct {
	entered chan []string
	release chan struct{}
}

func newGate() *gate { return &gate{make(chan []string, 100), make(chan struct{})} }

// hold is a Func that waits at the gate.
func (g *gate) hold(ctx context.Context, reqs []string) ([]string, error) {
	g.entered <- append([]string(nil), reqs...)
	<-g.release
	return answerAll(ctx, reqs)
}

// next waits until Func is entered.
func (g *gate) next(t *testing.T) []string {
	t.Helper()
	select {
	case reqs := <-g.entered:
		return reqs
	case <-patient(t).Done():
		t.Fatal("Func was not entered")
		return nil
	}
}

// open lets all that wait, and all that come, go on. It may be called twice.
func (g *gate) open() {
	select {
	case <-g.release:
	default:
		close(g.release)
	}
}
