package otelbatch

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gobatcher/batcher"
)

// failure is how a call failed; the zero failure is none.
type failure struct {
	kind   string // the error.type, "" if nothing failed
	failed int    // requests that have no result
	err    error  // nil where the Func left no error
}

// judge says how a call failed, by the rules of [batcher.Func]. A panic in a
// method of err, as a nil pointer may cause, is a panic of the Func.
func (c *call) judge(results int, err error) (f failure) {
	f = failure{"panic", c.size, err}
	defer func() { _ = recover() }()
	return c.sort(results, err)
}

func (c *call) sort(results int, err error) failure {
	if !c.returned {
		return failure{kind: "panic", failed: c.size}
	}
	var miscount error
	if results != c.size {
		miscount = fmt.Errorf("%w: Func returned %d results for %d requests", batcher.ErrResultCount, results, c.size)
	}
	var each batcher.Errors
	switch _, panicked := err.(*batcher.PanicError); {
	case err == nil && miscount == nil:
		return failure{}
	case err == nil:
		return failure{resultCount, c.size, miscount}
	case panicked || !errors.As(err, &each):
		return failure{kindOf(err), c.size, err}
	case len(each) != c.size:
		return failure{resultCount, c.size, err}
	}
	return partly(each, err, miscount)
}

// partly counts the failures of an Errors; after a miscount, requests without an
// error have no result either. If all failed with errors of one kind, that is
// the kind.
func partly(each batcher.Errors, err, miscount error) failure {
	f := failure{err: err}
	if miscount != nil && slices.Contains(each, nil) {
		f.err = fmt.Errorf("%w: %w", miscount, err)
	}
	for _, err := range each {
		if err == nil {
			err = miscount
		}
		if err == nil {
			continue
		}
		f.failed++
		if kind := kindOf(err); f.failed == 1 {
			f.kind = kind
		} else if kind != f.kind {
			f.kind = other
		}
	}
	switch f.failed {
	case 0:
		return failure{}
	case len(each):
		return f
	}
	f.kind = "partial"
	return f
}

const (
	other       = "_OTHER"
	resultCount = "result_count"
)

// kindOf sorts errors into few kinds, as an attribute of a metric must have few
// values.
func kindOf(err error) string {
	var panicked *batcher.PanicError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &panicked):
		return "panic"
	case errors.Is(err, batcher.ErrResultCount):
		return resultCount
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	case errors.Is(err, context.Canceled), errors.Is(err, batcher.ErrCanceled), errors.Is(err, batcher.ErrClosed):
		return "canceled"
	}
	return other
}
