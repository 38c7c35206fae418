package batcher_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/gobatcher/batcher"
)

// A live caller would take context.Canceled for the end of its own context.
func TestLiveCallerNeverSeesContextCanceled(t *testing.T) {
	custom := errors.New("custom")
	neighbour := func(ctx context.Context) error {
		info, _ := batcher.FromContext(ctx)
		<-info.Requests[0].Done()
		return info.Requests[0].Err()
	}
	for _, c := range []struct {
		name string
		fn   batcher.Func[int, int]
		also error // what the caller sees besides
	}{
		{"a neighbour's error", func(ctx context.Context, _ []int) ([]int, error) {
			return nil, neighbour(ctx)
		}, batcher.ErrCanceled},
		{"wrapped", func(ctx context.Context, _ []int) ([]int, error) {
			return nil, fmt.Errorf("%w: %w", custom, neighbour(ctx))
		}, custom},
		{"in Errors", func(ctx context.Context, _ []int) ([]int, error) {
			err := neighbour(ctx)
			return nil, batcher.Errors{err, errors.Join(custom, err)}
		}, custom},
		{"in a panic", func(ctx context.Context, _ []int) ([]int, error) {
			panic(neighbour(ctx))
		}, batcher.ErrCanceled},
		{"a context of Func's own", func(ctx context.Context, _ []int) ([]int, error) {
			own, cancel := context.WithCancelCause(ctx)
			cancel(context.Canceled)
			return nil, context.Cause(own)
		}, batcher.ErrCanceled},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := batcher.New(c.fn, together(2))
				ctx, cancel := context.WithCancel(context.Background())
				leaver := b.Submit(ctx, 1)
				live := b.Submit(context.Background(), 2)
				synctest.Wait() // it runs
				cancel()
				_, err := live.Wait(context.Background())
				if errors.Is(err, context.Canceled) || !errors.Is(err, c.also) {
					t.Errorf("the live caller: %v", err)
				}
				if _, err := leaver.Wait(context.Background()); err == nil {
					t.Error("the other caller got no error")
				}
			})
		})
	}
}

type coded struct {
	code int
	error
}

func (c coded) Unwrap() error { return c.error }

func TestErrorWithoutContextCanceledKeepsTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := batcher.New(func(context.Context, []int) ([]int, error) {
			return nil, coded{42, fmt.Errorf("row 7: %w", context.Canceled)}
		}, batcher.Options{})
		_, err := b.Do(context.Background(), 1)
		var c coded
		if !errors.As(err, &c) || c.code != 42 || errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		if want := "batcher: canceled while Func ran: row 7: context canceled"; err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	})
}

func TestOtherErrorsArePassedOnAsTheyAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		b := batcher.New(func(context.Context, []int) ([]int, error) { return []int{1}, broken }, batcher.Options{})
		if got, err := b.Do(context.Background(), 1); got != 0 || err != broken {
			t.Errorf("got %d, %v", got, err)
		}
	})
}
