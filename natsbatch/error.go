package natsbatch

import (
	"errors"
	"fmt"
	"time"
)

// Errors that a caller may branch on with errors.Is. What is returned wraps
// them and adds what is known.
var (
	// ErrClosed: Close or Shutdown was called.
	ErrClosed = errors.New("natsbatch: closed")
	// ErrFull: the queue takes no more requests now. The request was not accepted.
	ErrFull = errors.New("natsbatch: queue full")
	// ErrTooLarge: the request or its result exceeds what a message can hold.
	ErrTooLarge = errors.New("natsbatch: too large")
	// ErrUnknownOutcome: the request was accepted, or may have been, and it is not
	// known whether it ran or will run.
	ErrUnknownOutcome = errors.New("natsbatch: outcome unknown")
	// ErrExpired: the request's deadline passed before it ran, or, after a crash
	// or an error of Retry, before it could run again.
	ErrExpired = errors.New("natsbatch: expired before it ran")
	// ErrDead: the request could not be processed and is now a dead letter.
	ErrDead = errors.New("natsbatch: gone to the dead letters")
	// ErrNoResult: no result is stored for a handle: not yet, or no longer.
	ErrNoResult = errors.New("natsbatch: no result")
	// ErrNoDeadLetter: there is no dead letter with this number.
	ErrNoDeadLetter = errors.New("natsbatch: no such dead letter")
	// ErrDrift: a stream or consumer exists and is not as the Queue says.
	ErrDrift = errors.New("natsbatch: topology differs")
	// ErrUnhealthy: Health found the queue not working.
	ErrUnhealthy = errors.New("natsbatch: unhealthy")
)

// FuncError is the error that the worker's Func returned for a request. Only
// its text crosses the machines, and of that at most 4 KiB.
type FuncError struct{ Text string }

// Error returns the text of Func's error.
func (e *FuncError) Error() string { return e.Text }

// RetryError marks an error of a worker's Func as passing: the request is not
// answered but goes back to the queue and runs again, on any worker, until it
// has run too often and goes to the dead letters. See [Retry].
type RetryError struct {
	Err   error
	After time.Duration // at least this long; zero: the worker's back-off decides

	// Uncounted says that the run does not bring the request nearer to the dead
	// letters, however often that happens; it waits as before try 1. It is for an
	// error that says nothing of the request or of what it asks for, such as a lack
	// of room in the worker's own process.
	Uncounted bool
}

// Error returns the text of Err.
func (e *RetryError) Error() string {
	if e.Err == nil {
		return "natsbatch: to be tried again"
	}
	return e.Err.Error()
}

// Unwrap returns Err.
func (e *RetryError) Unwrap() error { return e.Err }

// Retry marks err, which a Func that a [Worker] runs is to return, as worth another
// try; nil stays nil. It works for a whole batch and for single requests
// within a batcher.Errors.
func Retry(err error) error {
	if err == nil {
		return nil
	}
	return &RetryError{Err: err}
}

// errUnreadable: what is stored cannot be read by this program.
var errUnreadable = errors.New("natsbatch: the result cannot be read")

func errBadResult(err error) error { return fmt.Errorf("%w: %w", errUnreadable, err) }
