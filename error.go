package batcher

import (
	"context"
	"errors"
	"fmt"
)

// Errors to test for with errors.Is. What is returned may wrap them, to add the
// numbers.
var (
	// ErrClosed: Close or Shutdown was called before the request could be
	// processed, or Shutdown ended the context of the Func that ran it; then it
	// may have had effects.
	ErrClosed = errors.New("batcher: closed")
	// ErrFull: no room for one more request, under MaxPending or in a Batch.
	ErrFull = errors.New("batcher: full")
	// ErrNotReady: the batch holds fewer than MinSize requests; it stays open.
	ErrNotReady = errors.New("batcher: batch not ready")
	// ErrStarted: the batch takes no more requests and cannot be started again.
	ErrStarted = errors.New("batcher: batch no longer open")
	// ErrCanceled: the request or its batch was canceled, or Func returned context.Canceled.
	ErrCanceled = errors.New("batcher: canceled")
	// ErrTooHeavy: the request alone weighs more than MaxWeight.
	ErrTooHeavy = errors.New("batcher: request too heavy")
	// ErrResultCount: Func returned too few or too many results or errors.
	ErrResultCount = errors.New("batcher: wrong number of results")
)

// errGoexit answers the requests of a Func that ended its goroutine.
var errGoexit = errors.New("batcher: Func called runtime.Goexit")

// errForeign answers the requests of a batch if the context of one of them
// panicked.
var errForeign = errors.New("batcher: the context of a request of the batch panicked")

// Errors is an error with which a [Func] gives each request its own outcome:
// Errors[i] belongs to reqs[i], and nil means that request i succeeded and its
// result counts. It must be as long as reqs, or the whole batch fails with
// [ErrResultCount]; so a Func that has no failures returns nil or an Errors of
// nils, never a nil Errors. It may be wrapped: it is found with errors.As. So is
// one from another call that Func passes on, such as a LoadAll of package loader:
// if its length differs, the batch fails.
type Errors []error

// Error counts the failures and quotes the first.
func (e Errors) Error() string {
	failed := e.Unwrap()
	if len(failed) == 0 {
		return fmt.Sprintf("batcher: none of %d requests failed", len(e))
	}
	return fmt.Sprintf("batcher: %d of %d requests failed, the first with: %v", len(failed), len(e), failed[0])
}

// Unwrap returns the failures, without the nils.
func (e Errors) Unwrap() []error {
	var failed []error
	for _, err := range e {
		if err != nil {
			failed = append(failed, err)
		}
	}
	return failed
}

// PanicError answers every request of a batch whose [Func] panicked.
type PanicError struct {
	Value any    // what was passed to panic
	Stack []byte // the panicking goroutine's stack, as debug.Stack prints it
}

// Error returns the panic's value as text, without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("batcher: Func panicked: %v", e.Value) }

// Unwrap returns Value if it is an error, else nil. It also returns nil if the
// methods of that error panic, as those of a nil pointer may: errors.Is and
// errors.As must not panic because of it.
func (e *PanicError) Unwrap() error {
	if err, ok := e.Value.(error); ok && sound(err) {
		return err
	}
	return nil
}

// sound reports whether errors.Is and errors.As can look into err.
func sound(err error) (ok bool) {
	defer func() { _ = recover() }() // which may be nil: GODEBUG=panicnil=1
	var none *disowned
	_, _ = errors.Is(err, errGoexit), errors.As(err, &none)
	return true
}

func countError(what string, got, want int) error {
	return fmt.Errorf("%w: Func returned %d %s for %d requests", ErrResultCount, got, what, want)
}

// causeOf returns why ctx, which was seen to end, has ended. It never returns
// nil, since an answer without an error is a result: a context from outside the
// standard library may close Done before it sets Err.
func causeOf(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return ErrCanceled
}

// own makes an error of Func fit for a caller whose own context has not
// ended. That caller must never see context.Canceled, which it would take for
// its own cancellation when it was a neighbour's, or Shutdown's. cause is why
// Func's context ended, or nil.
func own(err, cause error) error {
	if err == nil || !errors.Is(err, context.Canceled) {
		return err
	}
	if cause == nil || errors.Is(cause, context.Canceled) {
		cause = ErrCanceled
	}
	return &disowned{err, cause}
}

// disowned is an error of Func that matches everything it did before except
// context.Canceled, and also matches cause.
type disowned struct{ err, cause error }

func (d *disowned) Error() string   { return fmt.Sprintf("%v while Func ran: %v", d.cause, d.err) }
func (d *disowned) Unwrap() error   { return d.cause }
func (d *disowned) As(t any) bool   { return errors.As(d.err, t) }
func (d *disowned) Is(t error) bool { return t != context.Canceled && errors.Is(d.err, t) }
