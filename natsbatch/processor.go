package natsbatch

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/natsbatch/internal/wire"
)

// fate is where a request goes after a run.
type fate uint8

const (
	answered   fate = iota // to its caller
	retried                // back to the queue: its error passes
	postponed              // likewise, and the run does not count
	crashed                // back, more cautiously: it may be the cause of a panic or the like
	handedBack             // back, as it came
	dead                   // to the dead letters

	fates // how many there are
)

// verdict is what a run came to for one item.
type verdict struct {
	item   *item
	fate   fate
	status wire.Status   // if answered
	data   []byte        // the result, or the text of the error
	after  time.Duration // if retried or postponed: not before that
}

// answer makes the verdict a result.
func (v *verdict) answer(data []byte) { v.fate, v.status, v.data = answered, wire.StatusOK, data }

// fail makes the verdict an error that is the answer.
func (v *verdict) fail(status wire.Status, text string) {
	v.fate, v.status, v.data = answered, status, []byte(shorten(text))
}

// crash makes the verdict one of a run that panicked or the like.
func (v *verdict) crash(reason string) { v.fate, v.data = crashed, []byte(shorten(reason)) }

// retry makes the verdict one of a request that is to run again.
func (v *verdict) retry(err error, after time.Duration) {
	v.fate, v.data, v.after = retried, []byte(shorten(err.Error())), after
}

// postpone is retry for a run that does not count.
func (v *verdict) postpone(err error, after time.Duration) {
	v.retry(err, after)
	v.fate = postponed
}

// guarded calls f for the verdict's item alone. The foreign code in f, a Codec
// or the methods of an error, may panic.
func (v *verdict) guarded(what string, f func()) {
	defer func() {
		if p := recover(); p != nil {
			v.crash(fmt.Sprintf("to %s panicked: %v\n%s", what, p, debug.Stack()))
		}
	}()
	f()
}

// endedEarly is the reason of verdicts that were not reached.
var endedEarly = []byte("the run ended early")

type groupFunc[Req, Res any] func(ctx context.Context, group string, reqs []Req) ([]Res, error)

// processor runs a batch of items, fills in their verdicts, and does not panic.
type processor func(ctx context.Context, group string, verdicts []verdict)

// newProcessor wraps fn, which has types, as a processor of bytes. limit is the largest
// size of a result, asked after each run, since the server may be another by then.
func newProcessor[Req, Res any](fn groupFunc[Req, Res], opts WorkerOptions, limit func() int) processor {
	decode, encode := decoder[Req](opts.Codec), encoder[Res](opts.Codec)
	return func(ctx context.Context, group string, verdicts []verdict) {
		reqs := make([]Req, 0, len(verdicts))
		live := make([]*verdict, 0, len(verdicts))
		for i := range verdicts {
			v := &verdicts[i]
			v.fate, v.data = crashed, endedEarly // so it is if a Codec calls runtime.Goexit
			v.guarded("decode the request", func() {
				req, err := decode(v.item.req.Payload)
				if err != nil {
					v.fail(wire.StatusFailed, fmt.Sprintf("natsbatch: decode the request: %v", err))
					return
				}
				reqs, live = append(reqs, req), append(live, v)
			})
		}
		if len(live) == 0 {
			return
		}
		res, errs := guard(withItems(ctx, live), fn, group, reqs, opts.Timeout)
		most := limit()
		for i, v := range live {
			if errs != nil && errs[i] != nil {
				v.guarded("read the error of Func", func() { judge(v, errs[i], opts.Retryable) })
				continue
			}
			v.guarded("encode the result", func() {
				data, err := encode(res[i])
				switch {
				case err != nil:
					v.fail(wire.StatusFailed, fmt.Sprintf("natsbatch: encode the result: %v", err))
				case len(data) > most:
					v.fail(wire.StatusTooLarge, fmt.Sprintf("the result has %d bytes, the limit is %d", len(data), most))
				default:
					v.answer(data)
				}
			})
		}
	}
}

// withItems returns a context whose Info has exactly these items.
func withItems(ctx context.Context, live []*verdict) context.Context {
	info, _ := batcher.FromContext(ctx)
	if len(info.Requests) == len(live) {
		return ctx
	}
	info.Size, info.Weight = len(live), 0
	info.Requests = make([]context.Context, len(live))
	for i, v := range live {
		info.Requests[i] = v.item
		info.Weight += v.item.Weight()
	}
	return batcher.WithInfo(ctx, info)
}

// judge sorts an error of Func: an answer, or a reason to run again.
func judge(v *verdict, err error, retryable func(error) bool) {
	var again *RetryError
	var crash *crashError
	switch {
	case errors.As(err, &crash):
		v.crash(err.Error())
	case errors.As(err, &again) && again.Uncounted:
		v.postpone(err, again.After)
	case again != nil:
		v.retry(err, again.After)
	case retryable != nil && retryable(err):
		v.retry(err, 0)
	default:
		v.fail(wire.StatusFailed, err.Error())
	}
}
