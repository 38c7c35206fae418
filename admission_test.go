package batcher_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
)

// submitLater submits in a goroutine that waits for room; what comes back is
// Submit's own outcome: value is the request, err why it was refused.
func (r *recorder) submitLater(b *batcher.Batcher[int, int], ctx context.Context, req int) <-chan outcome {
	return r.later(func() (int, error) {
		f := b.Submit(ctx, req)
		if closed(f.Done()) {
			_, err := f.Wait(context.Background())
			return req, err
		}
		return req, nil
	})
}

func TestMaxPendingBoundsWhatIsAcceptedAndNotAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{MaxPending: 3})
		submitAll(b, 1)
		r.until(1 * time.Second)
		submitAll(b, 2, 3) // one runs, two wait
		f := b.TrySubmit(context.Background(), 4)
		if !closed(f.Done()) {
			t.Error("TrySubmit did not fail at once")
		}
		if _, err := f.Wait(context.Background()); !errors.Is(err, batcher.ErrFull) || !strings.Contains(err.Error(), "MaxPending is 3") {
			t.Errorf("TrySubmit without room: %v", err)
		}
		r.release(1) // makes room for one
		if f := b.TrySubmit(context.Background(), 5); closed(f.Done()) {
			t.Error("TrySubmit found no room")
		}
		r.release(2)
		r.expect(t, "0s idle [1]", "1s idle [2 3]", "1s idle [5]")
	})
}

func TestSubmitWaitsForRoomInLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{MaxPending: 1})
		submitAll(b, 1)
		var waiters []<-chan outcome
		for i := 2; i <= 4; i++ {
			waiters = append(waiters, r.submitLater(b, context.Background(), i))
		}
		for i, w := range waiters {
			at := time.Duration(i+1) * time.Second
			r.until(at)
			if len(w) > 0 {
				t.Errorf("request %d had room before its turn", i+2)
			}
			r.release(1)
			if got := <-w; got != (outcome{i + 2, nil, at}) {
				t.Errorf("waiter %d: %+v", i, got)
			}
		}
		r.release(1)
		r.expect(t, "0s idle [1]", "1s idle [2]", "2s idle [3]", "3s idle [4]")
	})
}

func TestEndOfTheContextAfterAWaitForRoomWithdraws(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{MaxPending: 1, Delay: 10 * time.Second})
		submitAll(b, 1)
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(15*time.Second, cancel)
		waiter := r.later(func() (int, error) { return b.Submit(ctx, 2).Wait(context.Background()) })
		if got := <-waiter; got != (outcome{0, context.Canceled, 15 * time.Second}) {
			t.Errorf("%+v", got)
		}
		r.expect(t, "10s delay [1]")
	})
}

func TestWaitForRoomEndsWithoutAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{MaxPending: 1})
		submitAll(b, 1)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		expectErrors(t, batcher.ErrCanceled, b.Submit(errless{ctx}, 2))
		close(r.gate)
		b.Close()
	})
}

func TestRoomForSeveralIsTakenInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{MaxPending: 2, MaxSize: 2, Delay: time.Hour})
		submitAll(b, 1, 2)
		for i := 3; i <= 6; i++ {
			r.submitLater(b, context.Background(), i)
		}
		if f := b.TrySubmit(context.Background(), 7); !closed(f.Done()) {
			t.Error("TrySubmit overtook those who wait")
		}
		r.release(3)
		r.until(1 * time.Second)
		if s := b.Stats(); s.Succeeded != 6 || s.Batches != 3 {
			t.Errorf("%+v", s)
		}
	})
}

func TestWaitForRoomEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{MaxPending: 1})
		submitAll(b, 1)
		impatient := errors.New("impatient")
		ctx, cancel := context.WithTimeoutCause(context.Background(), 2*time.Second, impatient)
		defer cancel()
		submit := r.submitLater(b, ctx, 2)
		do := r.later(func() (int, error) { return b.Do(ctx, 3) })
		patient := r.submitLater(b, context.Background(), 4)

		if got := <-submit; got != (outcome{2, impatient, 2 * time.Second}) {
			t.Errorf("Submit: %+v", got)
		}
		if got := <-do; got != (outcome{0, impatient, 2 * time.Second}) {
			t.Errorf("Do: %+v", got)
		}
		r.until(3 * time.Second)
		r.release(2)
		if got := <-patient; got != (outcome{4, nil, 3 * time.Second}) {
			t.Errorf("who stood behind them: %+v", got)
		}
		r.expect(t, "0s idle [1]", "3s idle [4]")
		if s := b.Stats(); s.Submitted != 2 || s.Rejected != 2 {
			t.Errorf("%+v", s)
		}
	})
}

func TestWithdrawalMakesRoom(t *testing.T) {
	for _, c := range []struct {
		name     string
		withdraw func(b *batcher.Batcher[int, int], f batcher.Future[int], cancel func())
	}{
		{"Future.Cancel", func(_ *batcher.Batcher[int, int], f batcher.Future[int], _ func()) { f.Cancel() }},
		{"context", func(_ *batcher.Batcher[int, int], _ batcher.Future[int], cancel func()) { cancel() }},
		{"Batch.Cancel", func(b *batcher.Batcher[int, int], _ batcher.Future[int], _ func()) { b.Current().Cancel() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := record()
				b := batcher.New(r.process, batcher.Options{MaxPending: 1, Delay: 10 * time.Second})
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				f := b.Submit(ctx, 1)
				waiter := r.submitLater(b, context.Background(), 2)
				r.until(3 * time.Second)

				c.withdraw(b, f, cancel)

				if got := <-waiter; got != (outcome{2, nil, 3 * time.Second}) {
					t.Errorf("%+v", got)
				}
				r.until(20 * time.Second)
				r.expect(t, "13s delay [2]")
			})
		})
	}
}

func TestCloseTurnsAwayWhoWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{MaxPending: 1})
		accepted := submitAll(b, 1)
		submit := r.submitLater(b, context.Background(), 2)
		do := r.later(func() (int, error) { return b.Do(context.Background(), 3) })
		r.until(1 * time.Second)
		closing := r.later(func() (int, error) { return 0, b.Close() })

		if got := <-submit; !errors.Is(got.err, batcher.ErrClosed) || got.at != time.Second {
			t.Errorf("Submit: %+v", got)
		}
		if got := <-do; !errors.Is(got.err, batcher.ErrClosed) || got.at != time.Second {
			t.Errorf("Do: %+v", got)
		}
		r.until(2 * time.Second)
		r.release(1)
		if got := <-closing; got != (outcome{0, nil, 2 * time.Second}) {
			t.Errorf("Close: %+v", got)
		}
		expectAnswers(t, accepted, 10)
	})
}

// The waiter has got room, and before it knows the Batcher is closed.
func TestCloseProcessesWhatHasJustGotRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{MaxPending: 1})
		submitAll(b, 1)
		inner, cancel := context.WithCancel(context.Background())
		defer cancel()
		ctx := &sluggish{Context: inner}
		late := r.submitLater(b, ctx, 2)
		ctx.hold = make(chan struct{})
		r.release(1) // makes room for 2, whose context is asked
		closing := r.later(func() (int, error) { return 0, b.Close() })
		close(ctx.hold)
		if got := <-late; got.err != nil {
			t.Errorf("Submit: %+v", got)
		}
		synctest.Wait()
		r.release(1)
		<-closing
		r.expect(t, "0s idle [1]", "0s idle [2]")
	})
}

// Its room goes to the next in line.
func TestContextThatEndsAsRoomIsGivenLeavesItToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{MaxPending: 1})
		submitAll(b, 1)
		inner, cancel := context.WithCancel(context.Background())
		ctx := &sluggish{Context: inner}
		late := r.submitLater(b, ctx, 2)
		next := r.submitLater(b, context.Background(), 3)
		ctx.hold = make(chan struct{})
		r.release(1) // makes room for 2, whose context is asked
		cancel()
		close(ctx.hold)
		if got := <-late; got.err != context.Canceled {
			t.Errorf("whose context has ended: %+v", got)
		}
		if got := <-next; got.err != nil {
			t.Errorf("the next in line: %+v", got)
		}
		r.release(1)
		r.expect(t, "0s idle [1]", "0s idle [3]")
	})
}

// It is refused and not withdrawn, although there is room before it knows.
func TestContextThatEndsBeforeThereIsRoomTakesNone(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{MaxPending: 1, Manual: true})
		room := b.Submit(context.Background(), 1)
		ctx, cancel := context.WithCancel(context.Background())
		late := r.submitLater(b, ctx, 2)
		next := r.submitLater(b, context.Background(), 3)
		cancel()
		room.Cancel()
		if got := <-late; got.err != context.Canceled {
			t.Errorf("whose context has ended: %+v", got)
		}
		if got := <-next; got.err != nil {
			t.Errorf("the next in line: %+v", got)
		}
		if s := b.Stats(); s.Submitted != 2 || s.Canceled != 1 || s.Rejected != 1 {
			t.Errorf("%+v", s)
		}
		b.Close()
	})
}

// Its neighbour in the batch has come with a context too.
func TestDoWhoseContextEndsAsRoomIsGivenLeavesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{MaxPending: 2, Manual: true})
		neighbour := b.Submit(t.Context(), 1)
		room := b.Submit(context.Background(), 2)
		ctx := &silent{Context: context.Background()}
		late := r.later(func() (int, error) { return b.Do(ctx, 3) })
		ctx.err = context.DeadlineExceeded
		room.Cancel()
		synctest.Wait()
		b.Flush()
		expectAnswers(t, []batcher.Future[int]{neighbour}, 10)
		if got := <-late; got.err != context.DeadlineExceeded {
			t.Errorf("whose context has ended: %+v", got)
		}
		r.expect(t, "0s manual [1]")
		b.Close()
	})
}

// Batch.Add never waits, so that it is refused like TrySubmit.
func TestMaxPendingHoldsForCurrentToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := batcher.New(answerAll, batcher.Options{MaxPending: 1, Manual: true})
		submitAll(b, 1)
		if _, err := b.Current().Add(context.Background(), 2); !errors.Is(err, batcher.ErrFull) {
			t.Errorf("Add without room: %v", err)
		}
	})
}

// What a Batch refuses leaves its room to others.
func TestRefusedAddTakesNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := batcher.New(answerAll, batcher.Options{MaxPending: 2, Manual: true})
		submitAll(b, 1)
		batch := b.Current()
		b.Flush()
		for range 3 {
			if _, err := batch.Add(context.Background(), 2); !errors.Is(err, batcher.ErrStarted) {
				t.Errorf("Add to a flushed batch: %v", err)
			}
		}
		synctest.Wait()
		for range 2 {
			if f := b.TrySubmit(context.Background(), 3); closed(f.Done()) {
				t.Error("no room is left")
			}
		}
		if s := b.Stats(); s.Submitted != 3 || s.Rejected != 3 || s.Pending != 2 {
			t.Errorf("%+v", s)
		}
	})
}

// order notes the requests in the order in which Func gets them, in runs of a second.
func order(got *[]int) batcher.Func[int, int] {
	return func(_ context.Context, reqs []int) ([]int, error) {
		*got = append(*got, reqs...)
		time.Sleep(time.Second)
		return reqs, nil
	}
}

func TestWhoWaitsForRoomEntersInOrder(t *testing.T) {
	for procs := 1; procs <= 2; procs++ {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		for _, room := range []int{2, 3, 50} {
			synctest.Test(t, func(t *testing.T) {
				r, got := record(), []int(nil)
				b := batcher.New(order(&got), batcher.Options{MaxPending: room, MaxSize: room, MinSize: room})
				submitAll(b, upTo(1, room)...)
				for req := room + 1; req <= 3*room; req++ {
					r.submitLater(b, context.Background(), req)
				}
				r.until(time.Minute)
				if want := upTo(1, 3*room); !slices.Equal(got, want) {
					t.Errorf("on %d processors, with room for %d: %v", procs, room, got)
				}
				b.Close()
			})
		}
	}
}

// Room for one more comes before the first in line knows that it has some.
func TestNobodyOvertakesWhoHasGotRoom(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{MaxPending: 3, MaxSize: 1})
		futures := submitAll(b, 1, 2, 3)
		r.submitLater(b, context.Background(), 4)
		r.until(time.Second)
		futures[2].Cancel() // room for 4
		futures[1].Cancel() // and for one more
		b.Submit(context.Background(), 5)
		close(r.gate)
		r.expect(t, "0s size [1]", "1s size [4]", "1s size [5]")
		b.Close()
	})
}

// There may be room again, but not for this batch.
func TestAddToAStartedBatchWithoutRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{MaxPending: 1, Manual: true})
		submitAll(b, 1)
		batch := b.Current()
		b.Flush()
		synctest.Wait()
		if _, err := batch.Add(context.Background(), 2); !errors.Is(err, batcher.ErrStarted) || errors.Is(err, batcher.ErrFull) {
			t.Errorf("Add while it runs: %v", err)
		}
		close(r.gate)
		b.Close()
		if _, err := batch.Add(context.Background(), 2); !errors.Is(err, batcher.ErrClosed) {
			t.Errorf("Add after Close: %v", err)
		}
	})
}

func TestAllWhoWaitForARequestThatHasWaitedForRoomGetIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{MaxPending: 1})
		submitAll(b, 1)
		futures := make(chan batcher.Future[int])
		go func() { futures <- b.Submit(context.Background(), 2) }()
		r.release(1)
		f := <-futures
		wait := func() (int, error) { return f.Wait(context.Background()) }
		first, second := r.later(wait), r.later(wait)
		r.release(1)
		for _, answer := range []<-chan outcome{first, second} {
			if got := <-answer; got.value != 20 || got.err != nil {
				t.Errorf("got %+v", got)
			}
		}
	})
}
