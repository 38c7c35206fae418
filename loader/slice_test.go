package loader_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/loader"
)

// sliced loads keys 1 and 2 by a function that returns values and err, and
// gives their errors.
func sliced(t *testing.T, values []string, err error) ([]string, batcher.Errors) {
	t.Helper()
	l := loader.New(loader.Slice(func(context.Context, []int) ([]string, error) { return values, err }),
		loader.Options[int, string]{})
	got, err := l.LoadAll(t.Context(), []int{1, 2})
	errs := batcher.Errors{nil, nil}
	if err != nil && !errors.As(err, &errs) {
		t.Fatalf("LoadAll: %v, want a batcher.Errors", err)
	}
	return got, errs
}

func TestSliceAnswersByPosition(t *testing.T) {
	values, errs := sliced(t, []string{"one", "two"}, nil)
	if values[0] != "one" || values[1] != "two" || errs[0] != nil || errs[1] != nil {
		t.Errorf("got %q, %v", values, errs)
	}
}

func TestSliceFailsSingleKeys(t *testing.T) {
	failure := fmt.Errorf("query: %w", batcher.Errors{nil, loader.ErrNotFound})
	values, errs := sliced(t, []string{"one", "ignored"}, failure)
	if values[0] != "one" || values[1] != "" || errs[0] != nil || errs[1] != loader.ErrNotFound {
		t.Errorf("got %q, %v", values, errs)
	}
}

func TestSliceWithoutValuesMayFailAllKeys(t *testing.T) {
	one, two := errors.New("one"), errors.New("two")
	if _, errs := sliced(t, nil, batcher.Errors{one, two}); errs[0] != one || errs[1] != two {
		t.Errorf("got %v", errs)
	}
}

func TestSliceFailsAsAWhole(t *testing.T) {
	boom := errors.New("boom")
	if _, errs := sliced(t, []string{"one", "two"}, boom); errs[0] != boom || errs[1] != boom {
		t.Errorf("got %v", errs)
	}
}

// What a Func like those of package middleware makes of a panic with a
// batcher.Errors is a panic all the same.
func TestSliceOfAPanic(t *testing.T) {
	panicked := &batcher.PanicError{Value: batcher.Errors{nil, errors.New("boom")}}
	if _, errs := sliced(t, []string{"one", "two"}, panicked); errs[0] != panicked || errs[1] != panicked {
		t.Errorf("got %v, want the panic for both", errs)
	}
}

func TestSliceOfTheWrongLength(t *testing.T) {
	failure := errors.New("boom")
	for name, test := range map[string]struct {
		values  []string
		err     error
		numbers string
		spared  bool // the second key has an error of its own
	}{
		"values":        {[]string{"one"}, nil, "1 values for 2 keys", false},
		"too many":      {[]string{"one", "two", "three"}, nil, "3 values for 2 keys", false},
		"errors":        {[]string{"one", "two"}, batcher.Errors{failure}, "1 errors for 2 keys", false},
		"beside errors": {nil, batcher.Errors{nil, failure}, "0 values for 2 keys", true},
	} {
		t.Run(name, func(t *testing.T) {
			_, errs := sliced(t, test.values, test.err)
			for i, err := range errs {
				if i == 1 && test.spared {
					if err != failure {
						t.Errorf("errs[1] is %v, want boom", err)
					}
					continue
				}
				if !errors.Is(err, batcher.ErrResultCount) || !strings.Contains(err.Error(), test.numbers) {
					t.Errorf("errs[%d] is %v, want ErrResultCount with %q", i, err, test.numbers)
				}
			}
		})
	}
}
