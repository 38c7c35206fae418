package batcher_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/gobatcher/batcher"
)

func TestLenCountsTheKeysThatHoldABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		k := batcher.NewKeyed(r.processKey, batcher.Options{Manual: true})
		expectLen := func(when string, want int) {
			t.Helper()
			synctest.Wait()
			if got := k.Len(); got != want {
				t.Errorf("%s: %d keys, want %d", when, got, want)
			}
		}
		expectLen("at first", 0)
		canceled := submitKey(k, "a", 1)
		submitKey(k, "b", 2)
		submitKey(k, "c", 3)
		expectLen("open", 3)
		canceled[0].Cancel()
		expectLen("without a's only request", 2)
		k.Flush("b")
		k.Flush("c")
		expectLen("running and waiting for a slot", 2)
		submitKey(k, "b", 4)
		r.release(1)
		expectLen("b has an open batch besides", 2)
		r.release(1)
		expectLen("c is answered", 1)
		k.Flush("b")
		r.release(1)
		expectLen("all are answered", 0)
	})
}

// What is used again of the first caller's batch holds no key.
func TestAKeyIsNotHeldWhereOneCallerIsAnsweredAndTheNextLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := batcher.NewKeyed(record().processKey, batcher.Options{Delay: time.Second})
		if got, err := k.Do(context.Background(), "a", 1); got != 10 || err != nil {
			t.Errorf("got %d, %v", got, err)
		}
		k.Submit(context.Background(), "a", 2).Cancel()
		if n := k.Len(); n != 0 {
			t.Errorf("%d keys are held", n)
		}
	})
}

// It has no open batch and none in Func, but one that another key comes before.
func TestAKeyIsHeldWhileItsBatchWaitsForItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		k := batcher.NewKeyed(r.processKey, batcher.Options{MaxSize: 1})
		submitKey(k, "a", 1)
		synctest.Wait() // it runs
		submitKey(k, "b", 2)
		submitKey(k, "a", 3)
		r.release(1)
		if got := k.Len(); got != 2 {
			t.Errorf("%d keys while b runs and a waits, want 2", got)
		}
		submitKey(k, "a", 4)
		r.release(1)
		r.release(1)
		if got := k.Len(); got != 1 {
			t.Errorf("%d keys while a runs, want 1", got)
		}
		r.release(1)
		r.expect(t, "0s size a[1]", "0s size b[2]", "0s size a[3]", "0s size a[4]")
	})
}

func TestRefusedRequestsLeaveNoKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := batcher.NewKeyed(func(_ context.Context, _ string, reqs []parcel) ([]parcel, error) { return reqs, nil },
			batcher.Options{MaxWeight: 5, MaxPending: 1, Manual: true})
		ctx := context.Background()
		ended, cancel := context.WithCancel(ctx)
		cancel()
		k.Submit(ctx, "a", 6)
		k.Submit(ended, "b", 1)
		k.Submit(ctx, "held", 1)
		k.TrySubmit(ctx, "c", 1)
		if k.Len() != 1 {
			t.Errorf("%d keys", k.Len())
		}
		k.Close()
		k.Submit(ctx, "d", 1)
		if k.Len() != 0 {
			t.Errorf("%d keys after Close", k.Len())
		}
	})
}

// A key without requests costs nothing: nothing holds on to it.
func TestNothingOfAnAnsweredKeyIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := batcher.NewKeyed(func(_ context.Context, _ *[64]int, reqs []int) ([]int, error) { return reqs, nil },
			batcher.Options{MaxSize: 2, Delay: time.Second})
		pointers := make([]weak.Pointer[[64]int], 1000)
		for i := range pointers {
			key := new([64]int)
			pointers[i] = weak.Make(key)
			f := k.Submit(context.Background(), key, 1)
			if i%2 == 1 { // the last one too
				k.Do(context.Background(), key, 2)
			} else {
				f.Cancel()
			}
		}
		time.Sleep(time.Hour) // a stopped timer is kept until it would have fired
		expectCollected(t, pointers)
		if s := k.Stats(); k.Len() != 0 || s.Succeeded != 1000 || s.Canceled != 500 {
			t.Errorf("%d keys, %+v", k.Len(), s)
		}
	})
}

// A map keeps its room when its keys are deleted: 24 bytes a key here.
func TestRoomOfManyKeysIsGivenBack(t *testing.T) {
	k := batcher.NewKeyed(func(_ context.Context, _ int, reqs []int) ([]int, error) { return reqs, nil }, batcher.Options{Manual: true})
	const keys = 30_000
	ctx, before, least := context.Background(), liveHeap(), int64(math.MaxInt64)
	k.Submit(ctx, -1, 0) // one key stays
	for range 3 {        // what the runtime keeps for a while is not always the same
		futures := make([]batcher.Future[int], keys)
		for key := range futures {
			futures[key] = k.Submit(ctx, key, key)
		}
		for key, f := range futures {
			k.Flush(key)
			f.Wait(ctx)
		}
		clear(futures)
		least = min(least, liveHeap()-before)
	}
	if least > 5*keys {
		t.Errorf("%d bytes more after %d keys", least, keys)
	}
	k.Close()
}

// Func is stuck; requests of other keys come and are withdrawn.
func TestKeysOfWithdrawnRequestsAreNotKeptWhileFuncIsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		k := batcher.NewKeyed(func(_ context.Context, _ *[64]int, reqs []int) ([]int, error) {
			<-stuck
			return reqs, nil
		}, batcher.Options{})
		k.Submit(context.Background(), nil, 1)
		synctest.Wait() // it runs
		pointers := make([]weak.Pointer[[64]int], 100)
		for i := range pointers {
			key := new([64]int)
			pointers[i] = weak.Make(key)
			k.Submit(context.Background(), key, 2).Cancel()
		}
		if k.Len() != 1 {
			t.Errorf("%d keys", k.Len())
		}
		expectCollected(t, pointers)
		close(stuck)
		k.Close()
	})
}

func TestKeyedCloseProcessesAllKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		k := batcher.NewKeyed(r.processKey, batcher.Options{Manual: true})
		futures := append(submitKey(k, "a", 1, 2), submitKey(k, "b", 3)...)
		if err := k.Close(); err != nil {
			t.Error(err)
		}
		expectAnswers(t, futures, 10, 20, 30)
		expectErrors(t, batcher.ErrClosed, submitKey(k, "a", 4)...)
		if s := k.Stats(); k.Len() != 0 || s.Started(batcher.TriggerClose) != 2 {
			t.Errorf("%d keys, %+v", k.Len(), s)
		}
	})
}

func TestKeyedCloseFailsStrictRemainders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		k := batcher.NewKeyed(r.processKey, batcher.Options{Manual: true, MinSize: 2, StrictSize: true})
		remainders := append(submitKey(k, "a", 1), submitKey(k, "b", 2)...)
		submitKey(k, "c", 3, 4)
		k.Close()
		expectErrors(t, batcher.ErrClosed, remainders...)
		r.expect(t, "0s close c[3 4]")
		if k.Len() != 0 {
			t.Errorf("%d keys", k.Len())
		}
	})
}

func TestKeyedShutdownIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		k := batcher.NewKeyed(r.processKey, batcher.Options{MaxSize: 1})
		running := submitKey(k, "a", 1)
		r.until(1 * time.Second)
		waiting := append(submitKey(k, "a", 2), submitKey(k, "b", 3)...)
		impatient := errors.New("impatient")
		ctx, cancel := context.WithTimeoutCause(context.Background(), time.Second, impatient)
		defer cancel()
		if err := k.Shutdown(ctx); err != impatient || time.Since(r.start) != 2*time.Second {
			t.Errorf("%v after %v", err, time.Since(r.start))
		}
		expectErrors(t, batcher.ErrClosed, waiting...)
		if k.Len() != 1 {
			t.Errorf("%d keys while one batch runs", k.Len())
		}
		r.release(1)
		expectAnswers(t, running, 10)
		if k.Len() != 0 {
			t.Errorf("%d keys at the end", k.Len())
		}
	})
}

// sluggish is a context that can be held up while it is asked.
type sluggish struct {
	context.Context
	hold chan struct{} // nil: answers at once
}

func (c *sluggish) Err() error {
	if c.hold != nil {
		<-c.hold
	}
	return c.Context.Err()
}

// A batch that has been taken and does not run yet keeps its key, also when
// another batch of the key ends meanwhile.
func TestKeyIsKeptWhileItsBatchIsAboutToRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		k := batcher.NewKeyed(r.processKey, batcher.Options{Manual: true, MaxConcurrent: 2})
		inner, cancel := context.WithCancel(context.Background())
		defer cancel()
		ctx := &sluggish{Context: inner}
		submitKey(k, "a", 1)
		k.Flush("a")
		k.Submit(ctx, "a", 2)
		ctx.hold = make(chan struct{})
		k.Flush("a")
		synctest.Wait() // 1 runs, and for 2 its context is asked
		r.release(1)
		if k.Len() != 1 {
			t.Errorf("%d keys, but a's second batch has no answer", k.Len())
		}
		last := submitKey(k, "a", 3)
		close(ctx.hold)
		synctest.Wait()
		r.release(1)
		k.Flush("a")
		r.expect(t, "0s manual a[1]", "0s manual a[2]", "0s manual a[3]")
		if s := k.Stats(); s.Running == 1 {
			r.release(1)
			expectAnswers(t, last, 30)
		}
	})
}
