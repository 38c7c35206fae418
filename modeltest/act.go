package modeltest

import (
	"context"
	"fmt"
	"time"

	"github.com/gobatcher/batcher"
)

// Request tells Func how to treat it: the first request that Func gets
// decides what becomes of the batch.
type Request struct {
	ID     int
	Key    int
	Weighs int
	Act    Act
	Run    time.Duration // how long Func takes
	Fails  bool          // whether an Errors names it
}

// Weight makes Request a batcher.Weigher.
func (r Request) Weight() int { return r.Weighs }

func (r Request) String() string {
	s := fmt.Sprintf("#%d (%v for %v", r.ID, r.Act, r.Run)
	if r.Weighs != 1 {
		s += fmt.Sprintf(", weighs %d", r.Weighs)
	}
	if r.Fails {
		s += ", fails"
	}
	return s + ")"
}

// answerTo is the right result for request id.
func answerTo(id int) int { return 1000 + id }

// Act is what Func does with a batch.
type Act uint8

// What a Func does.
const (
	Succeed Act = iota
	Fail
	FailSome
	FailSomeWrapped
	FailSomeNoResults
	FailSomeShort
	ResultsShort
	ResultsLong
	ResultsNone
	Panic
	PanicError
	Exit
	ClaimCanceled
	Heed
	Hang
	HangEach
)

// behavior is one Act: what Func returns, and what that means to request i of
// reqs (all that Func got) and to the batch as a whole.
type behavior struct {
	name  string
	do    func(ctx context.Context, reqs []Request) ([]int, error)
	fate  func(reqs []Request, i int) fate
	whole bool // the batch's own error is the fate of each
}

var behaviors = [...]behavior{
	Succeed:           {"succeed", succeed, fineFate, true},
	Fail:              {"fail", fail, failFate, true},
	FailSome:          {"fail some", failSome, failSomeFate, false},
	FailSomeWrapped:   {"fail some, wrapped", failSomeWrapped, failSomeFate, false},
	FailSomeNoResults: {"fail some, no results", failSomeNoResults, failSomeNoResultsFate, false},
	FailSomeShort:     {"fail some, one short", failSomeShort, countFate(-1, true), true},
	ResultsShort:      {"a result short", resultsShort, countFate(-1, true), true},
	ResultsLong:       {"a result more", resultsLong, countFate(+1, true), true},
	ResultsNone:       {"no results", resultsNone, countFate(0, false), true},
	Panic:             {"panic", panics, panicFate, true},
	PanicError:        {"panic with an error", panicsError, panicFate, true},
	Exit:              {"exit", exit, exitFate, true},
	ClaimCanceled:     {"claim canceled", claimCanceled, disownedFate, true},
	Heed:              {"heed ctx", heed, fineFate, true},
	Hang:              {"hang", heed, fineFate, true},
	HangEach:          {"hang, an error each", hangEach, fineFate, false},
}

func (a Act) String() string { return behaviors[a].name }

// heeds reports whether the end of Func's context ends it.
func (a Act) heeds() bool { return a >= Heed }

// hangs reports whether nothing else does.
func (a Act) hangs() bool { return a >= Hang }

// perform is Func.
func perform(ctx context.Context, reqs []Request) ([]int, error) {
	first := reqs[0]
	switch {
	case first.Act.hangs():
		<-ctx.Done()
	case first.Act.heeds():
		select {
		case <-time.After(first.Run):
		case <-ctx.Done():
		}
	case first.Run > 0:
		time.Sleep(first.Run)
	}
	return behaviors[first.Act].do(ctx, reqs)
}

func succeed(_ context.Context, reqs []Request) ([]int, error) {
	res := make([]int, len(reqs))
	for i, r := range reqs {
		res[i] = answerTo(r.ID)
	}
	return res, nil
}

func fail(ctx context.Context, reqs []Request) ([]int, error) {
	res, _ := succeed(ctx, reqs)
	return res, batchError(reqs[0].ID)
}

func errorsOf(reqs []Request) batcher.Errors {
	errs := make(batcher.Errors, len(reqs))
	for i, r := range reqs {
		if r.Fails {
			errs[i] = requestError(r.ID)
		}
	}
	return errs
}

func failSome(ctx context.Context, reqs []Request) ([]int, error) {
	res, _ := succeed(ctx, reqs)
	return res, errorsOf(reqs)
}

func failSomeWrapped(ctx context.Context, reqs []Request) ([]int, error) {
	res, _ := succeed(ctx, reqs)
	return res, fmt.Errorf("wrapped: %w", errorsOf(reqs))
}

func failSomeNoResults(_ context.Context, reqs []Request) ([]int, error) {
	return nil, errorsOf(reqs)
}

func failSomeShort(ctx context.Context, reqs []Request) ([]int, error) {
	res, _ := succeed(ctx, reqs)
	return res, errorsOf(reqs)[1:]
}

func resultsShort(ctx context.Context, reqs []Request) ([]int, error) {
	return succeed(ctx, reqs[1:])
}

func resultsLong(ctx context.Context, reqs []Request) ([]int, error) {
	res, _ := succeed(ctx, reqs)
	return append(res, 0), nil
}

func resultsNone(context.Context, []Request) ([]int, error) { return nil, nil }

func panics(_ context.Context, reqs []Request) ([]int, error) {
	panic(fmt.Sprint(batchError(reqs[0].ID)))
}

func panicsError(_ context.Context, reqs []Request) ([]int, error) {
	panic(batchError(reqs[0].ID))
}

func claimCanceled(context.Context, []Request) ([]int, error) { return nil, context.Canceled }

func heed(ctx context.Context, reqs []Request) ([]int, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return succeed(ctx, reqs)
}

func hangEach(ctx context.Context, reqs []Request) ([]int, error) {
	errs := make(batcher.Errors, len(reqs))
	for i := range errs {
		errs[i] = ctx.Err()
	}
	return nil, errs
}
