package middleware

import (
	"fmt"
	"maps"
	"slices"
)

// Reject is an error with which a Func that does all or nothing names the
// culprits because of which it did nothing: Reject[i] is the error of reqs[i].
// Under [Isolate] they fail with it and the rest runs once more, and again if
// that call rejects others, within the budget.
//
//	return nil, middleware.Reject{row: err}
//
// It may be wrapped: it is found with errors.As. A culprit whose error is nil
// fails with the Reject itself, and so do all requests without an Isolate,
// and those that the budget left over. If an index is outside reqs, the call
// counts as failed with [batcher.ErrResultCount], after which Isolate by default
// runs it again in halves; where nothing of this package looks for a Reject, all
// requests fail with it. A Reject that names no request is an error like any
// other.
//
// It does not unwrap to the culprits' errors, since other requests may fail
// with it too.
type Reject map[int]error

// Error counts the culprits and quotes the first.
func (r Reject) Error() string {
	if len(r) == 0 {
		return "middleware: Func rejected a batch and named no request"
	}
	first := slices.Min(slices.Collect(maps.Keys(r)))
	return fmt.Sprintf("middleware: Func rejected a batch for %d of its requests, the first, %d, with: %v", len(r), first, r[first])
}

// TooLarge is an error with which a Func says that the batch as a whole was
// too big, and that nothing was done. Under [Isolate] the batch runs again in
// halves. A single request that is too large fails with it, and so do all
// requests without an Isolate. It may be wrapped: it is found with errors.As.
type TooLarge struct {
	Err error // what the other side said, or nil
}

// Error adds what the other side said.
func (e TooLarge) Error() string {
	if e.Err == nil {
		return "middleware: batch too large"
	}
	return fmt.Sprintf("middleware: batch too large: %v", e.Err)
}

// Unwrap returns Err.
func (e TooLarge) Unwrap() error { return e.Err }
