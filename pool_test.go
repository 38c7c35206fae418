package batcher

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
)

// A deadline that knows only the wall clock, such as one that came from another process,
// is as far away as it says, though that clock was set forward since the Batcher was made.
// Time is real here, since the monotonic clock is: in a bubble there is none.
func TestDeadlinesOutlastASetClock(t *testing.T) {
	t.Parallel()
	b := New(func(_ context.Context, reqs []int) ([]int, error) { return reqs, nil }, Options{Delay: time.Hour})
	const hour = 3600 << 30 // of the seconds in the first word of a time.Time with a monotonic reading
	*(*uint64)(unsafe.Pointer(&b.epoch)) -= hour
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(2*time.Second).Round(0))
	defer cancel()
	if _, err := b.Do(ctx, 1); err != nil {
		t.Error(err)
	}
}

// With very many keys a fall of the size limit looks at few of them at once. It
// takes a small part of the time however often the limit falls, and in the end
// all batches that are full by the last limit have run.
func TestAFallOfTheLimitHoldsTheLockBriefly(t *testing.T) {
	const keys, look = 10_000, time.Microsecond
	synctest.Test(t, func(t *testing.T) {
		k := NewKeyed(func(context.Context, int, []int) ([]int, error) { return nil, errors.ErrUnsupported }, // which does not raise the limit
			Options{MaxSize: 1024, Delay: time.Hour, TargetTime: time.Second, MaxConcurrent: -1})
		var looks atomic.Int64
		var slow atomic.Bool
		all := k.pool.all
		k.pool.all = func(yield func(*Batcher[int, int]) bool) {
			all(func(b *Batcher[int, int]) bool {
				looks.Add(1)
				if slow.Load() {
					time.Sleep(look) // as long as it takes in a large map
				}
				return yield(b)
			})
		}
		slow.Store(true)
		defer slow.Store(false)
		for key := range keys {
			for range 3 {
				k.Submit(context.Background(), key, 1)
			}
		}
		fall := func() (limit int) {
			for !k.pool.mu.TryLock() { // no time passes in a bubble while a goroutine waits for a lock
				time.Sleep(look)
			}
			defer k.pool.mu.Unlock()
			for before := k.pool.limit; k.pool.limit == before; {
				k.pool.observe(before, time.Minute, false)
			}
			return k.pool.limit
		}
		const every = 10 * time.Millisecond
		for limit := 1024; limit > 8; {
			before := looks.Load()
			limit = fall()
			if n := looks.Load() - before; n > 1000 {
				t.Fatalf("a fall looks at %d keys with the lock held", n)
			}
			before = looks.Load()
			time.Sleep(every)
			if n := time.Duration(looks.Load() - before); n == 0 || n*look > every/8 {
				t.Fatalf("in %v it looks at %d keys", every, n)
			}
		}
		slow.Store(false)
		for fall() > 3 {
		}
		time.Sleep(time.Second)
		if s := k.Stats(); s.Failed != 3*keys {
			t.Errorf("%d requests of %d have run: %+v", s.Failed, 3*keys, s)
		}
		for key := range keys {
			k.Submit(context.Background(), key, 1)
		}
		synctest.Wait()
		if s := k.Stats(); s.Pending != keys {
			t.Fatalf("not all of %d requests wait: %+v", keys, s)
		}
		fall()
		time.Sleep(time.Second)
		if s := k.Stats(); s.Pending != 0 {
			t.Errorf("after another fall, which starts all: %+v", s)
		}
		k.Close()
	})
}
