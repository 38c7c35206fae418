package batcher_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
)

// fill has b run a batch of n requests, so that the next one has room for as many
// from its start, and forgets it. It takes n requests, or Flush, to start it.
func (r *recorder) fill(b *batcher.Batcher[int, int], n int) {
	submitAll(b, make([]int, n)...)
	b.Flush()
	synctest.Wait()
	r.forget()
}

// occupy is fill for a recorder that holds batches, and a b that fills a free slot
// at once. After that a batch of -1 has the slot.
func (r *recorder) occupy(b *batcher.Batcher[int, int], n int) {
	submitAll(b, -1)
	synctest.Wait()
	submitAll(b, make([]int, n)...)
	r.release(2)
	submitAll(b, -1)
	synctest.Wait()
	r.forget()
}

func (r *recorder) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes = nil
}

func TestABatchWithRoomForMoreIsFullAtMaxSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, opts := range []batcher.Options{
			{MaxSize: 4, Delay: time.Hour},
			{MaxSize: 4, MinSize: 4},
			{MaxSize: 8, MaxWeight: 4, Delay: time.Hour}, // each weighs 1
		} {
			r := record()
			b := batcher.New(r.process, opts)
			r.fill(b, 4)

			submitAll(b, upTo(1, 4)...)

			synctest.Wait()
			if len(r.notes) != 1 {
				t.Errorf("%+v: batches %q, want one", opts, r.notes)
			}
			b.Close()
		}
	})
}

// The first request of a batch has no context that can end, and others have.
func TestContextsThatEndAmongSuchThatDoNot(t *testing.T) {
	type key struct{}
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		var values []any
		b := batcher.New(func(ctx context.Context, reqs []int) ([]int, error) {
			info, _ := batcher.FromContext(ctx)
			values = nil
			for _, ctx := range info.Requests {
				values = append(values, ctx.Value(key{}))
			}
			return r.process(ctx, reqs)
		}, batcher.Options{})
		r.occupy(b, 16)
		plain := submitAll(b, 1, 2, 3)
		ctx, cancel := context.WithCancel(context.Background())
		submitted := b.Submit(ctx, 4)
		plain = append(plain, submitAll(b, 5, 6)...)
		done := r.later(func() (int, error) { return b.Do(ctx, 7) })
		valued := b.Submit(context.WithValue(context.Background(), key{}, "eight"), 8)
		plain = append(plain, submitAll(b, 9)...)

		cancel()
		expectErrors(t, context.Canceled, submitted)
		if got := <-done; got.err != context.Canceled {
			t.Errorf("Do: got %+v", got)
		}
		r.release(1)

		r.expect(t, "0s idle [1 2 3 5 6 8 9]")
		if want := []any{nil, nil, nil, nil, nil, "eight", nil}; !slices.Equal(values, want) {
			t.Errorf("values of the contexts: got %v, want %v", values, want)
		}
		r.release(1)
		expectAnswers(t, plain, 10, 20, 30, 50, 60, 90)
		expectAnswers(t, []batcher.Future[int]{valued}, 80)
	})
}

// Who adds to the batch that Current returns may bring a context, too.
func TestAContextAddedByHandAmongRequestsWithout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{})
		r.occupy(b, 16)
		submitAll(b, 1, 2)
		ctx, cancel := context.WithCancel(context.Background())
		added, err := b.Current().Add(ctx, 3)
		if err != nil {
			t.Fatal(err)
		}
		last := submitAll(b, 4, 5)

		cancel()
		expectErrors(t, context.Canceled, added)
		r.release(2)

		r.expect(t, "0s idle [1 2 4 5]")
		expectAnswers(t, last, 40, 50)
	})
}

func TestAnOverdueBatchStartsOnceItHoldsEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{Manual: true, StrictSize: true, MinSize: 4})
		r.fill(b, 16)
		submitAll(b, 1)
		if err := b.Current().StartAfter(time.Second); err != nil {
			t.Fatal(err)
		}
		submitAll(b, 2)
		r.until(2 * time.Second)
		submitAll(b, 3)
		r.expect(t)

		submitAll(b, 4)

		r.expect(t, "2s delay [1 2 3 4]")
	})
}

// A Do is the first in the batch, so it has no Future before the second.
func TestAFutureBehindADoIsCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{})
		r.occupy(b, 16)
		done := r.later(func() (int, error) { return b.Do(context.Background(), 1) })
		for i, submit := range []func(context.Context, int) batcher.Future[int]{b.Submit, b.TrySubmit} {
			f := submit(context.Background(), 2)
			waited := r.later(func() (int, error) { return f.Wait(context.Background()) })
			if !f.Cancel() {
				t.Errorf("%d: Cancel returned false", i)
			}
			if got := <-waited; got.err != batcher.ErrCanceled {
				t.Errorf("%d: got %+v", i, got)
			}
		}
		after := r.later(func() (int, error) { return b.Do(context.Background(), 3) })

		r.release(2)

		r.expect(t, "0s idle [1 3]")
		if first, last := <-done, <-after; first.value != 10 || last.value != 30 {
			t.Errorf("got %+v and %+v", first, last)
		}
	})
}

// The limit falls while a batch is open that is due already.
func TestAnOpenBatchIsFullAtALowerLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{MaxSize: 64, TargetTime: 10 * time.Millisecond})
		submitAll(b, -1)
		synctest.Wait()
		submitAll(b, make([]int, 4*64+10)...) // four are full, and one has room for 64
		for b.Stats().SizeLimit > 32 {
			time.Sleep(time.Second)
			r.release(1)
		}

		limit := b.Stats().SizeLimit
		for range 64 {
			submitAll(b, 0)
			if open := b.Current(); open != nil && open.Len() >= limit {
				t.Fatalf("the open batch holds %d, the limit is %d", open.Len(), limit)
			}
		}
		close(r.gate)
		b.Close()
	})
}
