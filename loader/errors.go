package loader

import (
	"context"
	"errors"
	"fmt"

	"github.com/gobatcher/batcher"
)

// ErrNotFound is the error of a key for which the fetch returned neither a value
// nor an error. What is returned wraps it and names the key.
var ErrNotFound = errors.New("loader: not found")

// missing is the ErrNotFound of one key; its text is made when it is asked for.
type missing[K comparable] struct{ key K }

func (m missing[K]) Error() string { return fmt.Sprintf("%v: key %v", ErrNotFound, m.key) }
func (m missing[K]) Unwrap() error { return ErrNotFound }

// Errors is an error with which a [Fetch] fails single keys: those that map to
// an error. For the other keys Fetch's map counts as usual. It may be wrapped:
// it is found with errors.As.
type Errors[K comparable] map[K]error

// Error names the key whose text sorts first, with its error, and counts the
// other failures.
func (e Errors[K]) Error() string {
	var name, text string
	failed := 0
	for key, err := range e {
		if err == nil {
			continue
		}
		if n := fmt.Sprint(key); failed == 0 || n < name {
			name, text = n, err.Error()
		}
		failed++
	}
	switch failed {
	case 0:
		return "loader: no key failed"
	case 1:
		return fmt.Sprintf("loader: key %s: %s", name, text)
	}
	return fmt.Sprintf("loader: key %s: %s (and %d more)", name, text, failed-1)
}

// Unwrap returns the failures in no particular order.
func (e Errors[K]) Unwrap() []error {
	var failed []error
	for _, err := range e {
		if err != nil {
			failed = append(failed, err)
		}
	}
	return failed
}

// as is errors.As, except that it does not look for T in a value passed to
// panic: a panic stays a panic.
func as[T error](err error) (found T, ok bool) {
	if _, panicked := err.(*batcher.PanicError); panicked {
		return found, false
	}
	ok = errors.As(err, &found)
	return found, ok
}

// fleeting reports whether err is about the moment and not about the key, so
// that it must never be cached.
func fleeting(err error) bool {
	for _, moment := range []error{
		context.Canceled, context.DeadlineExceeded,
		batcher.ErrCanceled, batcher.ErrClosed, batcher.ErrFull,
	} {
		if errors.Is(err, moment) {
			return true
		}
	}
	var panicked *batcher.PanicError
	return errors.As(err, &panicked)
}
