package modeltest

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/gobatcher/batcher"
)

// TestForeignCodeMayCallBack has all code that is not the package's own call
// back into the Batcher: requests, contexts, errors, Func and Options.Go.
// Nobody may hold the lock while it asks them.
func TestForeignCodeMayCallBack(t *testing.T) {
	var b *batcher.Batcher[caller, int]
	call := func() {
		if b != nil {
			b.Stats()
			b.Flush()
		}
	}
	b = batcher.New(func(ctx context.Context, reqs []caller) ([]int, error) {
		ctx.Deadline()
		call()
		time.Sleep(2 * time.Millisecond) // longer than anybody waits for room
		return nil, callingError{call}
	}, batcher.Options{MinSize: 2, MaxWeight: 5, Delay: time.Millisecond, MaxPending: 2, Go: func(task func()) { call(); go task() }})
	for name, do := range map[string]func(context.Context, caller){
		"Submit": func(ctx context.Context, req caller) { b.Submit(ctx, req).Wait(ctx) },
		"crowd":  func(ctx context.Context, req caller) { crowd(b, ctx, req) },
		"Do":     func(ctx context.Context, req caller) { b.Do(ctx, req) },
		"Cancel": func(ctx context.Context, req caller) { b.Submit(ctx, req).Cancel() },
		"Add":    func(ctx context.Context, req caller) { addTo(b, ctx, req) },
	} {
		soon(t, name, func() {
			for range 20 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
				do(callingContext{ctx, call}, caller{call})
				cancel()
			}
		})
	}
	soon(t, "Shutdown", func() { _ = b.Shutdown(callingContext{context.Background(), call}) })
}

// crowd submits more than there is room for; those that wait give up.
func crowd(b *batcher.Batcher[caller, int], ctx context.Context, req caller) {
	done := make(chan struct{})
	for range 4 {
		go func() {
			b.Submit(ctx, req).Wait(ctx)
			done <- struct{}{}
		}()
	}
	for range 4 {
		<-done
	}
}

func addTo(b *batcher.Batcher[caller, int], ctx context.Context, req caller) {
	b.TrySubmit(ctx, req)
	if batch := b.Current(); batch != nil {
		f, _ := batch.Add(ctx, req)
		f.Wait(ctx)
		_, _ = batch.Results(ctx)
	}
}

// patience is how long anything may take that takes no time to speak of.
const patience = 20 * time.Second

// soon fails the test if do takes long, and says where it is then.
func soon(t *testing.T, what string, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	select {
	case <-done:
	case <-time.After(patience):
		stacks := make([]byte, 1<<20)
		t.Fatalf("%s hangs\n%s", what, stacks[:runtime.Stack(stacks, true)])
	}
}

// caller is a request that calls back when it is weighed.
type caller struct{ call func() }

func (c caller) Weight() int {
	c.call()
	return 1
}

// callingContext calls back whenever it is asked.
type callingContext struct {
	context.Context
	call func()
}

func (c callingContext) Deadline() (time.Time, bool) { c.call(); return c.Context.Deadline() }
func (c callingContext) Done() <-chan struct{}       { c.call(); return c.Context.Done() }
func (c callingContext) Err() error                  { c.call(); return c.Context.Err() }
func (c callingContext) Value(key any) any           { c.call(); return c.Context.Value(key) }

// callingError calls back whenever it is asked what it is.
type callingError struct{ call func() }

func (e callingError) Error() string        { e.call(); return "calls back" }
func (e callingError) Is(target error) bool { e.call(); return target == errors.ErrUnsupported }
func (e callingError) As(any) bool          { e.call(); return false }
func (e callingError) Unwrap() error        { e.call(); return nil }
