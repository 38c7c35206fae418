package batcher_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobatcher/batcher"
)

// Everything at once; the race detector watches.
func TestBatcherIsUsedByManyAtOnce(t *testing.T) {
	for _, opts := range []batcher.Options{
		{MaxSize: 5, MaxConcurrent: 2},
		{MaxSize: 5, Delay: 20 * time.Microsecond, MaxPending: 30},
		{MinSize: 3, StrictSize: true, MaxSize: 4},
	} {
		b := batcher.New(answerAll, opts)
		var callers, meddlers sync.WaitGroup
		var stop atomic.Bool
		meddle := func(do func()) {
			meddlers.Go(func() {
				for !stop.Load() {
					do()
					runtime.Gosched()
				}
			})
		}
		meddle(func() { b.Flush() })
		meddle(func() {
			if batch := b.Current(); batch != nil {
				batch.Start()
			}
		})
		meddle(func() {
			if batch := b.Current(); batch != nil && batch.Len()%4 == 3 {
				batch.Cancel()
			}
		})
		meddle(func() {
			if s := b.Stats(); s.Submitted != s.Succeeded+s.Failed+s.Canceled+uint64(s.Pending) || s.Pending < 0 {
				t.Errorf("%+v", s)
			}
		})
		for c := range 4 {
			callers.Go(func() { submitAndWait(t, b, 1000*c) })
		}
		time.AfterFunc(5*time.Millisecond, func() { b.Close() })
		callers.Wait()
		b.Close()
		stop.Store(true)
		meddlers.Wait()
		if s := b.Stats(); s.Pending != 0 || s.Running != 0 {
			t.Errorf("%+v", s)
		}
	}
}

// submitAndWait hands requests in, some at a time, until the Batcher is closed.
func submitAndWait(t *testing.T, b *batcher.Batcher[int, int], from int) {
	for closed := false; !closed; {
		reqs := []int{from, from + 1, from + 2, from + 3}
		for i, f := range submitAll(b, reqs...) {
			got, err := f.Wait(context.Background())
			closed = closed || errors.Is(err, batcher.ErrClosed)
			if err == nil && got != 10*reqs[i] || err != nil && !closed && !errors.Is(err, batcher.ErrCanceled) {
				t.Errorf("request %d got %d, %v", reqs[i], got, err)
			}
		}
	}
}

// The first to start or cancel a batch decides what becomes of it.
func TestBatchByHandIsUsedByManyAtOnce(t *testing.T) {
	for range 50 {
		b := batcher.NewBatch(answerAll, batcher.BatchOptions{})
		first := addAll(t, b, 1)
		var users sync.WaitGroup
		var started, canceled atomic.Int32
		for range 4 {
			users.Go(func() {
				if b.Start() == nil {
					started.Add(1)
				}
			})
			users.Go(func() {
				if b.Cancel() {
					canceled.Add(1)
				}
			})
			users.Go(func() {
				f, err := b.Add(context.Background(), 2)
				if got, waited := f.Wait(context.Background()); err == nil && waited == nil && got != 20 {
					t.Errorf("got %d", got)
				}
			})
		}
		users.Wait()
		got, err := first[0].Wait(context.Background())
		ran := started.Load() == 1 && canceled.Load() == 0 && got == 10 && err == nil
		never := started.Load() == 0 && canceled.Load() == 4 && errors.Is(err, batcher.ErrCanceled)
		if !ran && !never {
			t.Errorf("%d started it, %d canceled it, the request got %d, %v", started.Load(), canceled.Load(), got, err)
		}
	}
}
