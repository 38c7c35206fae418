package loader_test

import (
	"errors"
	"testing"

	"github.com/gobatcher/batcher/loader"
)

func TestErrorsText(t *testing.T) {
	for want, e := range map[string]loader.Errors[string]{
		"loader: no key failed":              {"a": nil},
		"loader: key b: boom b":              {"a": nil, "b": errors.New("boom b")},
		"loader: key b: boom b (and 2 more)": {"c": errors.New("boom c"), "b": errors.New("boom b"), "d": errors.New("boom d")},
	} {
		for range 100 { // the order of keys differs
			if got := e.Error(); got != want {
				t.Fatalf("Error() = %q, want %q", got, want)
			}
		}
	}
}

func TestErrorsUnwrap(t *testing.T) {
	boom := errors.New("boom")
	e := loader.Errors[int]{1: nil, 2: boom}
	if got := e.Unwrap(); len(got) != 1 || got[0] != boom {
		t.Errorf("Unwrap() = %v, want boom alone", got)
	}
	if !errors.Is(e, boom) {
		t.Error("errors.Is does not find a key's error")
	}
}
