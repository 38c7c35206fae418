package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gobatcher/batcher"
)

// ownAnswer: each of many callers gets the answer to its own request.
func ownAnswer(t *testing.T, drive Driver) {
	s := drive(t, answerAll, batcher.Options{MaxSize: 7, MaxConcurrent: 2})
	reqs := names("r", 100)
	expect(t, reqs, doAll(patient(t), s, reqs))
}

// ownError: an Errors fails those it names, each with its own, and nobody else.
func ownError(t *testing.T, drive Driver) {
	s := drive(t, func(ctx context.Context, reqs []string) ([]string, error) {
		res, _ := answerAll(ctx, reqs)
		errs := make(batcher.Errors, len(reqs))
		for i, req := range reqs {
			if strings.HasPrefix(req, "bad") {
				errs[i] = fmt.Errorf("no luck with %s", req)
			}
		}
		return res, errs
	}, batcher.Options{MaxSize: 8})
	good, bad := names("good", 12), names("bad", 12)
	all := doAll(patient(t), s, slices.Concat(good, bad))
	expect(t, good, all[:len(good)])
	for i, req := range bad {
		if got := all[len(good)+i]; got.Err == nil || !strings.Contains(got.Err.Error(), "no luck with "+req) {
			t.Errorf("%s: got %q, %v", req, got.Value, got.Err)
		}
	}
}

// fails drives a Func that treats the request "bad" badly: its caller gets an
// error that says what, and the next request is answered.
func fails(t *testing.T, drive Driver, what string, fn batcher.Func[string, string]) {
	s := drive(t, func(ctx context.Context, reqs []string) ([]string, error) {
		if slices.Contains(reqs, "bad") {
			return fn(ctx, reqs)
		}
		return answerAll(ctx, reqs)
	}, batcher.Options{MaxSize: 8})
	if got, err := s.Do(patient(t), "bad"); err == nil || !strings.Contains(err.Error(), what) {
		t.Errorf("got %q, %v, want an error that says %q", got, err, what)
	}
	works(t, s)
}

// batchError: an error of Func goes to the batch's callers.
func batchError(t *testing.T, drive Driver) {
	fails(t, drive, "the upstream is down", func(context.Context, []string) ([]string, error) {
		return nil, errors.New("the upstream is down")
	})
}

// wrongResultCount: nobody gets a result when there are too many or too few.
func wrongResultCount(t *testing.T, drive Driver) {
	fails(t, drive, "2 results for 1 requests", func(context.Context, []string) ([]string, error) {
		return []string{"stray", "stray"}, nil
	})
}

// wrongErrorCount: the same of an Errors.
func wrongErrorCount(t *testing.T, drive Driver) {
	fails(t, drive, "2 errors for 1 requests", func(context.Context, []string) ([]string, error) {
		return []string{"stray"}, batcher.Errors{nil, errors.New("stray")}
	})
}

// errorsWithoutResult: an Errors may come without results, where none is due.
func errorsWithoutResult(t *testing.T, drive Driver) {
	fails(t, drive, "no luck", func(context.Context, []string) ([]string, error) {
		return nil, batcher.Errors{errors.New("no luck")}
	})
}

// infoTellsSize: Func's context tells of the batch that it was given.
func infoTellsSize(t *testing.T, drive Driver) {
	s := drive(t, func(ctx context.Context, reqs []string) ([]string, error) {
		info, ok := batcher.FromContext(ctx)
		if !ok || info.Size != len(reqs) || len(info.Requests) != len(reqs) {
			return nil, fmt.Errorf("%d requests and %+v, %t", len(reqs), info, ok)
		}
		return answerAll(ctx, reqs)
	}, batcher.Options{MaxSize: 4})
	reqs := names("r", 10)
	expect(t, reqs, doAll(patient(t), s, reqs))
}
