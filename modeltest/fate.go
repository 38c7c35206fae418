package modeltest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/gobatcher/batcher"
)

// instant is virtual time since the start of a run.
type instant = time.Duration

const (
	never = instant(1<<63 - 1)
	none  = -1 // no batch
)

// batchError, requestError and causeError are errors that a caller can be
// shown to have got for the right reason: they name a request or a context.
type (
	batchError   int // Func fails the batch whose first request this is
	requestError int // Func fails this request alone
	causeError   int // why this context ended
)

func (e batchError) Error() string   { return fmt.Sprintf("batch of #%d failed", int(e)) }
func (e requestError) Error() string { return fmt.Sprintf("request #%d failed", int(e)) }
func (e causeError) Error() string   { return fmt.Sprintf("context %d ended", int(e)) }

// fate is the answer to a request, as the model foresees it.
type fate struct {
	kind      kind
	of        int // the request that it names
	got, want int // of a miscount
	at        instant
}

type kind uint8

const (
	pending   kind = iota
	fine           // the right result
	failed         // batchError of the first request
	failedOne      // requestError of this one
	miscount       // ErrResultCount with both numbers
	panicked       // a PanicError of the first request
	exited         // some error
	disowned       // Func's context.Canceled, but not as such
	late           // Func's DeadlineExceeded
	ended          // the cause of the request's own context
	canceled       // ErrCanceled
	closed         // ErrClosed
	refused        // one of the reasons that the bits of got stand for
)

var kindNames = [...]string{"pending", "fine", "failed", "failed alone", "ErrResultCount", "PanicError", "Goexit",
	"canceled, disowned", "DeadlineExceeded", "its context's cause", "ErrCanceled", "ErrClosed", "refused"}

func (f fate) String() string {
	if f.kind == pending {
		return "pending"
	}
	return fmt.Sprintf("%s at %v", kindNames[f.kind], f.at)
}

func fineFate([]Request, int) fate { return fate{kind: fine} }

func failFate(reqs []Request, _ int) fate { return fate{kind: failed, of: reqs[0].ID} }

func failSomeFate(reqs []Request, i int) fate {
	if reqs[i].Fails {
		return fate{kind: failedOne, of: reqs[i].ID}
	}
	return fate{kind: fine}
}

func failSomeNoResultsFate(reqs []Request, i int) fate {
	if reqs[i].Fails {
		return fate{kind: failedOne, of: reqs[i].ID}
	}
	return fate{kind: miscount, got: 0, want: len(reqs)}
}

// countFate is a miscount by that many, relative to the requests or to zero.
func countFate(by int, relative bool) func([]Request, int) fate {
	return func(reqs []Request, _ int) fate {
		got := by
		if relative {
			got += len(reqs)
		}
		return fate{kind: miscount, got: got, want: len(reqs)}
	}
}

func panicFate(reqs []Request, _ int) fate { return fate{kind: panicked, of: reqs[0].ID} }
func exitFate([]Request, int) fate         { return fate{kind: exited} }
func disownedFate([]Request, int) fate     { return fate{kind: disowned} }

// exit ends the goroutine that Func runs in.
func exit(context.Context, []Request) ([]int, error) {
	runtime.Goexit()
	return nil, nil
}

// refusal is a set of reasons to refuse a request.
type refusal int

const (
	tooHeavy refusal = 1 << iota
	ctxEnded
	isClosed
	isFull
	isStarted
)

func (r refusal) allows(err, cause error) bool {
	return r&tooHeavy != 0 && errors.Is(err, batcher.ErrTooHeavy) ||
		r&ctxEnded != 0 && errors.Is(err, cause) ||
		r&isClosed != 0 && errors.Is(err, batcher.ErrClosed) ||
		r&isFull != 0 && errors.Is(err, batcher.ErrFull) ||
		r&isStarted != 0 && errors.Is(err, batcher.ErrStarted)
}

// is reports whether what caller id got, whose context ends with cause if it
// ends, is f.
func (f fate) is(id int, cause error, value int, err error) bool {
	if f.kind == fine {
		return err == nil && value == answerTo(id)
	}
	if err == nil || value != 0 {
		return false
	}
	if errors.Is(err, context.Canceled) && (f.kind != ended && f.kind != refused || cause != context.Canceled) {
		return false
	}
	return f.isError(cause, err)
}

func (f fate) isError(cause, err error) bool {
	switch f.kind {
	case failed:
		return errors.Is(err, batchError(f.of))
	case failedOne:
		return errors.Is(err, requestError(f.of))
	case miscount:
		return errors.Is(err, batcher.ErrResultCount) && strings.Contains(err.Error(), fmt.Sprint(f.got)) && strings.Contains(err.Error(), fmt.Sprint(f.want))
	case panicked:
		var p *batcher.PanicError
		return errors.As(err, &p) && fmt.Sprint(p.Value) == batchError(f.of).Error() && len(p.Stack) > 0
	case exited:
		return true
	case disowned:
		return errors.Is(err, batcher.ErrCanceled) || errors.Is(err, batcher.ErrClosed)
	case late:
		return errors.Is(err, context.DeadlineExceeded)
	case ended:
		return errors.Is(err, cause)
	case canceled:
		return errors.Is(err, batcher.ErrCanceled)
	case closed:
		return errors.Is(err, batcher.ErrClosed)
	case refused:
		return refusal(f.got).allows(err, cause)
	}
	return false
}
