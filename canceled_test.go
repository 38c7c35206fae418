package batcher_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

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

// failing is a context that panics when it is asked whether it has ended, once
// it is broken.
type failing struct {
	context.Context
	broken *bool
}

func (c failing) Err() error {
	if *c.broken {
		panic("broken")
	}
	return c.Context.Err()
}

// Its caller gets the panic, and the next in line its room.
func TestAContextThatPanicsInLineTakesNoRoom(t *testing.T) {
	for name, answered := range map[string]bool{"its turn has come": true, "it ends": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := hold()
				b := batcher.New(r.process, batcher.Options{MaxPending: 1, Delay: time.Hour})
				submitAll(b, 1)
				b.Flush()
				inner, cancel := context.WithCancel(context.Background())
				defer cancel()
				ctx := failing{inner, new(bool)}
				go ends(func() { b.Submit(ctx, 2) })
				synctest.Wait()
				next := r.submitLater(b, context.Background(), 3)
				*ctx.broken = true
				if !answered {
					cancel()
					synctest.Wait()
				}
				r.release(1)
				if len(next) == 0 {
					t.Error("the next in line has no room")
				}
				close(r.gate)
				b.Close()
				r.expect(t, "0s manual [1]", "0s close [3]")
			})
		})
	}
}

// Options.Go may recover from a panic. Then its slot must live on, and the
// callers of the batch get an answer.
func TestAContextThatPanicsInASlotTakesNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{MinSize: 2, Delay: time.Hour, Go: func(task func()) { go ends(task) }})
		inner, cancel := context.WithCancel(context.Background())
		defer cancel()
		futures := append(submitAll(b, 1), b.Submit(inSlot{inner, new(int), func() { panic("broken") }}, 2))
		for i, f := range futures {
			if _, err := f.Wait(context.Background()); err == nil {
				t.Errorf("request %d got an answer", i+1)
			}
		}
		expectAnswers(t, submitAll(b, 3, 4), 30, 40)
		b.Close()
		expectCounts(t, b.Stats(), counts{4, 0, 2, 2, 0, 1, 0, 0})
	})
}

// recycled is a context that panics when it is asked for a value, once it is
// broken, and so when it is no longer watched.
type recycled struct {
	context.Context
	broken *bool
}

func (c recycled) Value(key any) any {
	if *c.broken {
		panic("broken")
	}
	return c.Context.Value(key)
}

// That comes to a slot, or to a caller whose Cancel lets the next in line have
// its batch started.
func TestAContextThatPanicsAtTheEndOfItsWatchTakesNoSlot(t *testing.T) {
	for name, withdrawn := range map[string]bool{"answered": false, "withdrawn": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				broken := false
				b := batcher.New(func(_ context.Context, reqs []parcel) ([]parcel, error) {
					broken = true
					return reqs, nil
				}, batcher.Options{MaxWeight: 9, MaxPending: 1, Delay: time.Minute, Go: func(task func()) { go ends(task) }})
				inner, cancel := context.WithCancel(context.Background())
				defer cancel()
				f := b.Submit(recycled{inner, &broken}, 1)
				next := record().later(func() (int, error) {
					res, err := b.Do(context.Background(), 9)
					return int(res), err
				})
				if withdrawn {
					broken = true
					ends(func() { f.Cancel() })
				}
				if got := <-next; got.value != 9 || got.err != nil {
					t.Errorf("the next in line: %+v", got)
				}
				b.Close()
			})
		})
	}
}

// errless is a context that has ended and does not say why: a zero answer
// without an error would pass for a result.
type errless struct{ context.Context }

func (errless) Err() error    { return nil }
func (errless) Value(any) any { return nil }

func TestAContextThatEndsWithoutAnError(t *testing.T) {
	inner, cancel := context.WithCancel(context.Background())
	cancel()
	ended := errless{inner}
	for name, call := range map[string]func(*batcher.Batcher[int, int], batcher.Future[int]) error{
		"Do":   func(b *batcher.Batcher[int, int], _ batcher.Future[int]) error { _, err := b.Do(ended, 3); return err },
		"Wait": func(_ *batcher.Batcher[int, int], f batcher.Future[int]) error { _, err := f.Wait(ended); return err },
		"Results": func(b *batcher.Batcher[int, int], _ batcher.Future[int]) error {
			_, err := b.Current().Results(ended)
			return err
		},
		"Shutdown": func(b *batcher.Batcher[int, int], _ batcher.Future[int]) error { return b.Shutdown(ended) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := hold()
				b := batcher.New(r.process, batcher.Options{})
				running := submitAll(b, 1)[0]
				synctest.Wait()
				submitAll(b, 2) // waits beside the Do
				if err := call(b, running); !errors.Is(err, batcher.ErrCanceled) {
					t.Errorf("got %v, want ErrCanceled", err)
				}
				close(r.gate)
				b.Close()
			})
		})
	}
}

// fickle is a context that has ended when it is first asked, and later not.
type fickle struct {
	context.Context
	asked *bool
}

func (c fickle) Value(any) any { return nil }
func (c fickle) Err() error {
	if *c.asked {
		return nil
	}
	*c.asked = true
	return context.Canceled
}

func TestAContextThatEndsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := batcher.New(record().process, batcher.Options{})
		inner, cancel := context.WithCancel(context.Background())
		defer cancel()
		if _, err := b.Do(fickle{inner, new(bool)}, 1); !errors.Is(err, batcher.ErrCanceled) {
			t.Errorf("got %v, want ErrCanceled", err)
		}
	})
}

// connected is a context that ends with its server, which is the same for all,
// and says whose it is.
type connected struct {
	context.Context
	name string
}

func (connected) Value(any) any { return nil }
func (c connected) Err() error {
	if err := c.Context.Err(); err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	return nil
}

func TestEachRequestEndsWithItsOwnContextsError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, cancel := context.WithCancel(context.Background())
		b := batcher.New(record().process, batcher.Options{Delay: time.Hour})
		names := []string{"ann", "bob"}
		var futures []batcher.Future[int]
		for i, name := range names {
			futures = append(futures, b.Submit(connected{server, name}, i))
		}
		cancel()
		for i, f := range futures {
			if _, err := f.Wait(context.Background()); err == nil || err.Error() != names[i]+": context canceled" {
				t.Errorf("%s got %v", names[i], err)
			}
		}
	})
}
