package batcher_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/gobatcher/batcher"
)

func TestErrorsTellsHowManyFailed(t *testing.T) {
	for _, c := range []struct {
		errs batcher.Errors
		want string
	}{
		{nil, "batcher: none of 0 requests failed"},
		{batcher.Errors{nil, nil}, "batcher: none of 2 requests failed"},
		{batcher.Errors{nil, io.EOF, errBroken}, "batcher: 2 of 3 requests failed, the first with: EOF"},
	} {
		if got := c.errs.Error(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestErrorsUnwrapsToTheFailures(t *testing.T) {
	errs := batcher.Errors{nil, io.EOF, nil, errBroken}
	if got, want := errs.Unwrap(), []error{io.EOF, errBroken}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if !errors.Is(errs, errBroken) || !errors.Is(errs, io.EOF) || errors.Is(errs, io.ErrNoProgress) {
		t.Error("errors.Is does not find what is there, or finds what is not")
	}
	if got := (batcher.Errors{nil}).Unwrap(); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func TestPanicError(t *testing.T) {
	stack := []byte("where it happened")
	text := &batcher.PanicError{Value: "oh no", Stack: stack}
	if want := "batcher: Func panicked: oh no"; text.Error() != want || errors.Unwrap(text) != nil {
		t.Errorf("%q, %v", text, errors.Unwrap(text))
	}
	failure := &batcher.PanicError{Value: errBroken, Stack: stack}
	if !errors.Is(failure, errBroken) || strings.Contains(failure.Error(), string(stack)) {
		t.Errorf("%q", failure)
	}
}

func TestSentinelsAreDistinct(t *testing.T) {
	sentinels := []error{batcher.ErrClosed, batcher.ErrFull, batcher.ErrNotReady, batcher.ErrStarted,
		batcher.ErrCanceled, batcher.ErrTooHeavy, batcher.ErrResultCount}
	texts := make(map[string]bool)
	for i, a := range sentinels {
		texts[a.Error()] = true
		for j, b := range sentinels {
			if errors.Is(a, b) != (i == j) {
				t.Errorf("%v and %v", a, b)
			}
		}
		if errors.Is(a, context.Canceled) || !strings.HasPrefix(a.Error(), "batcher: ") {
			t.Errorf("%v", a)
		}
	}
	if len(texts) != len(sentinels) {
		t.Errorf("texts %v", fmt.Sprint(texts))
	}
}
