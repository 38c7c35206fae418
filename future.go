package batcher

import "context"

// Future is one caller's claim on its own result. It is a small value and may
// be copied freely; all copies are the same claim, and all methods may be
// called by any number of goroutines. A Future keeps its batch's results in
// memory. The zero Future is a canceled one.
type Future[Res any] struct {
	from  claims[Res]
	index int
}

// Result is the answer to one request: Value counts only if Err is nil.
type Result[Res any] struct {
	Value Res
	Err   error
}

// claims is what a Future holds on to: the batch that its request is in, or
// the refusal of a request that is in none.
type claims[Res any] interface {
	wait(ctx context.Context, index int) (Res, error)
	done(index int) <-chan struct{}
	cancel(index int) bool
}

// Wait waits for the answer and returns it, as often as it is called. The end
// of ctx ends this wait only, with ctx's cause; the request goes on, and an
// answer that is there wins over an ended ctx.
//
// The error is Func's for this request, or why it was not processed:
// [ErrCanceled], [ErrClosed], [ErrFull], [ErrTooHeavy], or the cause of the
// context with which it was submitted. It is context.Canceled only if one of
// those two contexts was canceled.
func (f Future[Res]) Wait(ctx context.Context) (Res, error) {
	if f.from == nil {
		return refusal[Res]{ErrCanceled}.wait(ctx, 0)
	}
	return f.from.wait(ctx, f.index)
}

// Done is closed when the answer is there. It is made on the first call, for
// this request alone; to wait for many, Wait for each in turn costs less.
func (f Future[Res]) Done() <-chan struct{} {
	if f.from == nil {
		return closedChan
	}
	return f.from.done(f.index)
}

// Cancel withdraws the request if its batch has not begun to run: then it is
// not passed to Func, whoever waits wakes at once with [ErrCanceled], and
// Cancel returns true, also when it is called again.
//
// Once the batch runs, or the answer is there, Cancel returns false: the
// answer stays what Func says. But Func's context ends when all callers of
// the batch have left, and who cancels has left.
func (f Future[Res]) Cancel() bool {
	return f.from != nil && f.from.cancel(f.index)
}

// refusal answers a request that was not accepted.
type refusal[Res any] struct{ err error }

func (r refusal[Res]) wait(context.Context, int) (res Res, err error) { return res, r.err }
func (r refusal[Res]) done(int) <-chan struct{}                       { return closedChan }
func (r refusal[Res]) cancel(int) bool                                { return false }

func refused[Res any](err error) Future[Res] { return Future[Res]{from: refusal[Res]{err}} }

var closedChan = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()
