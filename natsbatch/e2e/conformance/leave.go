package conformance

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gobatcher/batcher"
)

// leaverIsFreed: a caller whose context ends is free at once, whatever Func does.
func leaverIsFreed(t *testing.T, drive Driver) {
	g := newGate()
	s := drive(t, g.hold, batcher.Options{MaxSize: 8})
	t.Cleanup(g.open)
	ctx, leave := context.WithCancel(patient(t))
	left := make(chan error, 1)
	go func() {
		_, err := s.Do(ctx, "leaver")
		left <- err
	}()
	g.next(t)
	leave()
	select {
	case err := <-left:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	case <-patient(t).Done():
		t.Fatal("the caller is held")
	}
	g.open()
	works(t, s)
}

// neighbourLeaves: who leaves does not harm those in the same batch.
func neighbourLeaves(t *testing.T, drive Driver) {
	g := newGate()
	s := drive(t, g.hold, batcher.Options{MaxSize: 6, Delay: time.Hour})
	t.Cleanup(g.open)
	ctx, leave := context.WithCancel(patient(t))
	reqs := names("stays", 4)
	var group sync.WaitGroup
	group.Go(func() { doAll(ctx, s, names("leaves", 2)) })
	group.Go(func() { expect(t, reqs, doAll(patient(t), s, reqs)) })
	g.next(t)
	leave()
	g.open()
	group.Wait()
}

// endedNeverRuns: a request whose caller's deadline passed before a batch took
// it is not passed to Func.
func endedNeverRuns(t *testing.T, drive Driver) {
	g := newGate()
	s := drive(t, g.hold, batcher.Options{MaxSize: 1})
	t.Cleanup(g.open)
	var group sync.WaitGroup
	group.Go(func() { expect(t, []string{"first"}, doAll(patient(t), s, []string{"first"})) })
	g.next(t) // the only slot is taken
	ctx, cancel := context.WithTimeout(patient(t), 200*time.Millisecond)
	defer cancel()
	if got, err := s.Do(ctx, "late"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %q, %v", got, err)
	}
	<-time.After(100 * time.Millisecond) // clocks of other processes
	g.open()
	group.Wait()
	works(t, s)
	for len(g.entered) > 0 {
		if reqs := g.next(t); slices.Contains(reqs, "late") {
			t.Errorf("Func got %q", reqs)
		}
	}
}

// submitHeld submits the request r, and returns when it is held at the gate.
func submitHeld(t *testing.T, drive Driver) (g *gate, s Service, wait func(context.Context) (string, error)) {
	t.Helper()
	g = newGate()
	s = drive(t, g.hold, batcher.Options{MaxSize: 8})
	t.Cleanup(g.open)
	wait, err := s.Submit(patient(t), "r")
	if err != nil {
		t.Fatal(err)
	}
	g.next(t)
	return g, s, wait
}

// waitIsOneWait: ending a wait ends that wait only.
func waitIsOneWait(t *testing.T, drive Driver) {
	g, _, wait := submitHeld(t, drive)
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if got, err := wait(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a short wait: got %q, %v", got, err)
	}
	g.open()
	if got, err := wait(patient(t)); err != nil || got != answer("r") {
		t.Errorf("a long wait: got %q, %v", got, err)
	}
}

// waitAgain: a result can be waited for by many, and again.
func waitAgain(t *testing.T, drive Driver) {
	s := drive(t, answerAll, batcher.Options{MaxSize: 8})
	wait, err := s.Submit(patient(t), "r")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		var group sync.WaitGroup
		for range 5 {
			group.Go(func() {
				if got, err := wait(patient(t)); err != nil || got != answer("r") {
					t.Errorf("got %q, %v", got, err)
				}
			})
		}
		group.Wait()
	}
}

// closeAnswers: Close returns when those that were accepted are answered.
func closeAnswers(t *testing.T, drive Driver) {
	g, s, wait := submitHeld(t, drive)
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	select {
	case err := <-closed:
		t.Fatalf("Close returned before Func: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	g.open()
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if got, err := wait(patient(t)); err != nil || got != answer("r") {
		t.Errorf("got %q, %v", got, err)
	}
}

// closedRefuses: after Close nothing is accepted.
func closedRefuses(t *testing.T, drive Driver) {
	s := drive(t, answerAll, batcher.Options{MaxSize: 8})
	works(t, s)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if got, err := s.Do(patient(t), "late"); !errors.Is(err, batcher.ErrClosed) {
		t.Errorf("Do: got %q, %v", got, err)
	}
	wait, err := s.Submit(patient(t), "late")
	if err == nil {
		_, err = wait(patient(t))
	}
	if !errors.Is(err, batcher.ErrClosed) {
		t.Errorf("Submit: %v", err)
	}
}
