package batcher_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
)

// submitKey submits requests for a key with a context that never ends.
func submitKey(k *batcher.Keyed[string, int, int], key string, reqs ...int) []batcher.Future[int] {
	futures := make([]batcher.Future[int], len(reqs))
	for i, req := range reqs {
		futures[i] = k.Submit(context.Background(), key, req)
	}
	return futures
}

func TestKeysDoNotShareABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		k := batcher.NewKeyed(r.processKey, batcher.Options{MaxSize: 2, Delay: 10 * time.Second})
		a := submitKey(k, "a", 1)
		r.until(1 * time.Second)
		b := submitKey(k, "b", 2)
		r.until(2 * time.Second)
		a = append(a, submitKey(k, "a", 3)...)
		r.until(3 * time.Second)
		a = append(a, submitKey(k, "a", 4)...)
		r.until(20 * time.Second)

		r.expect(t, "2s size a[1 3]", "11s delay b[2]", "13s delay a[4]")
		expectAnswers(t, a, 10, 30, 40)
		expectAnswers(t, b, 20)
	})
}

func TestKeyedDoAndTrySubmit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		k := batcher.NewKeyed(r.processKey, batcher.Options{})
		if got, err := k.Do(context.Background(), "a", 1); got != 10 || err != nil {
			t.Errorf("Do: %d, %v", got, err)
		}
		expectAnswers(t, []batcher.Future[int]{k.TrySubmit(context.Background(), "b", 2)}, 20)
		r.expect(t, "0s idle a[1]", "0s idle b[2]")
	})
}

func TestEndOfKeyedDosContextFreesTheCallerAndWithdraws(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		k := batcher.NewKeyed(r.processKey, batcher.Options{Delay: 10 * time.Second})
		others := submitKey(k, "a", 1)
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(3*time.Second, cancel)

		got, err := k.Do(ctx, "a", 2)

		if got != 0 || err != context.Canceled || time.Since(r.start) != 3*time.Second {
			t.Errorf("%d, %v after %v", got, err, time.Since(r.start))
		}
		expectAnswers(t, others, 10)
		r.expect(t, "10s delay a[1]")
	})
}

func TestKeyedSubmitWaitsForGoAndTrySubmitDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		k := batcher.NewKeyed(r.processKey, batcher.Options{MaxConcurrent: -1, Go: func(task func()) { time.Sleep(time.Hour); task() }})
		k.TrySubmit(context.Background(), "a", 1)
		if took := time.Since(r.start); took != 0 {
			t.Errorf("TrySubmit returned after %v", took)
		}
		r.until(time.Second)
		k.Submit(context.Background(), "b", 2)
		if now := time.Since(r.start); now != time.Hour+time.Second {
			t.Errorf("Submit returned at %v", now)
		}
		r.expect(t, "1h0m0s idle a[1]", "1h0m0s idle b[2]")
	})
}

func TestMinSizeAndWeightHoldPerKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		k := batcher.NewKeyed(r.processKey, batcher.Options{MinSize: 2, MaxWeight: 3, StrictSize: true})
		submitKey(k, "a", 1)
		submitKey(k, "b", 2)
		submitKey(k, "c", 3)
		r.until(1 * time.Second)
		submitKey(k, "b", 4)
		r.until(time.Hour)
		r.expect(t, "1s idle b[2 4]")
		if err := k.Flush("a"); !errors.Is(err, batcher.ErrNotReady) {
			t.Errorf("Flush of one: %v", err)
		}
	})
}

func TestKeysShareTheSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		k := batcher.NewKeyed(r.processKey, batcher.Options{MaxConcurrent: 2})
		for i, key := range []string{"a", "b", "c"} {
			submitKey(k, key, i)
			r.until(time.Duration(i+1) * time.Second)
		}
		if s := k.Stats(); s.Running != 2 || s.Pending != 3 {
			t.Errorf("%+v", s)
		}
		r.release(3)
		r.expect(t, "0s idle a[0]", "1s idle b[1]", "3s idle c[2]")
	})
}

func TestKeysShareTheRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		k := batcher.NewKeyed(r.processKey, batcher.Options{MaxPending: 2})
		submitKey(k, "a", 1)
		submitKey(k, "b", 2)
		expectErrors(t, batcher.ErrFull, k.TrySubmit(context.Background(), "c", 3))
		waiter := r.later(func() (int, error) { return k.Do(context.Background(), "c", 4) })
		r.until(1 * time.Second)
		r.release(3)
		if got := <-waiter; got != (outcome{40, nil, time.Second}) {
			t.Errorf("%+v", got)
		}
	})
}

func TestKeysTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		k := batcher.NewKeyed(r.processKey, batcher.Options{MaxSize: 1})
		submitKey(k, "hot", 0)
		r.until(1 * time.Second)
		submitKey(k, "hot", 1, 2, 3, 4)
		submitKey(k, "b", 5, 6)
		r.until(2 * time.Second)
		r.release(1)
		submitKey(k, "late", 7)
		r.until(3 * time.Second)
		r.release(7)

		// A request that comes waits for at most one batch of the hot key.
		r.expect(t, "0s size hot[0]", "2s size hot[1]", "3s size b[5]", "3s size hot[2]",
			"3s size late[7]", "3s size b[6]", "3s size hot[3]", "3s size hot[4]")
	})
}

func TestOneKeyKeepsItsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := make(map[string]int) // one slot: no two batches at once
		k := batcher.NewKeyed(func(_ context.Context, key string, reqs []int) ([]int, error) {
			for _, req := range reqs {
				if req != next[key] {
					t.Errorf("key %s: request %d, want %d", key, req, next[key])
				}
				next[key]++
			}
			return reqs, nil
		}, batcher.Options{MaxSize: 3})
		for i := range 100 {
			for _, key := range []string{"a", "b", "c"} {
				submitKey(k, key, i)
			}
		}
		k.Close()
		if got := fmt.Sprint(next); got != "map[a:100 b:100 c:100]" {
			t.Error(got)
		}
	})
}

func TestKeyedFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		k := batcher.NewKeyed(r.processKey, batcher.Options{Manual: true, MinSize: 2})
		submitKey(k, "a", 1, 2)
		submitKey(k, "b", 3, 4)
		if err := k.Flush("a"); err != nil {
			t.Error(err)
		}
		r.expect(t, "0s manual a[1 2]")
		for _, key := range []string{"a", "nobody's"} {
			if err := k.Flush(key); err != nil {
				t.Errorf("Flush without a batch: %v", err)
			}
		}
		r.until(1 * time.Second)
		if err := k.Flush("b"); err != nil {
			t.Error(err)
		}
		r.expect(t, "0s manual a[1 2]", "1s manual b[3 4]")
	})
}

func TestKeyedCallersGetTheirOwnAnswers(t *testing.T) {
	for _, opts := range []batcher.Options{{}, {MaxSize: 3, MaxConcurrent: 2, MaxPending: 7}, {Delay: 50 * time.Microsecond, MaxConcurrent: -1}} {
		k := batcher.NewKeyed(func(_ context.Context, key int, reqs []int) ([]int, error) {
			res := make([]int, len(reqs))
			for i, req := range reqs {
				res[i] = 1000*key + req
			}
			return res, nil
		}, opts)
		var callers sync.WaitGroup
		for c := range 20 {
			callers.Go(func() {
				for i := range 20 {
					key := (c + i) % 7
					if got, err := k.Do(context.Background(), key, i); got != 1000*key+i || err != nil {
						t.Errorf("key %d, request %d got %d, %v", key, i, got, err)
					}
				}
			})
		}
		callers.Wait()
		k.Close()
		if s := k.Stats(); k.Len() != 0 || s.Succeeded != 400 || s.Pending != 0 {
			t.Errorf("%d keys, %+v", k.Len(), s)
		}
	}
}

// A map could not hold them; here they must not harm other keys.
func TestKeysThatAreNone(t *testing.T) {
	k := batcher.NewKeyed(func(_ context.Context, _ any, reqs []int) ([]int, error) { return tenfold(reqs), nil }, batcher.Options{})
	ctx := context.Background()
	for name, enter := range map[string]func(key any) error{
		"Do":        func(key any) error { _, err := k.Do(ctx, key, 1); return err },
		"Submit":    func(key any) error { _, err := k.Submit(ctx, key, 1).Wait(ctx); return err },
		"TrySubmit": func(key any) error { _, err := k.TrySubmit(ctx, key, 1).Wait(ctx); return err },
		"Flush":     func(key any) error { _ = k.Flush(key); return errBroken }, // NaN holds no batch
	} {
		func() {
			defer func() { _ = recover() }()
			_ = enter([]int{1})
			t.Errorf("%s took a key that cannot be hashed", name)
		}()
		if err := enter(math.NaN()); err == nil {
			t.Errorf("%s took NaN", name)
		}
	}
	if got, err := k.Do(ctx, "good", 2); got != 20 || err != nil {
		t.Errorf("%d, %v", got, err)
	}
	if err := k.Close(); err != nil || k.Len() != 0 {
		t.Errorf("%v, %d keys are left", err, k.Len())
	}
	if s := k.Stats(); s.Submitted != 1 || s.Rejected != 3 {
		t.Errorf("%+v", s)
	}
}
