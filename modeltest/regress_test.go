package modeltest

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
)

// This file pins down races that random plans meet rarely. A context is
// foreign code: what it does when it is asked makes them happen every time.

// nosy is a context that does something, once, when it is asked.
type nosy struct {
	context.Context
	onErr, onDone atomic.Pointer[func()]
}

func once(p *atomic.Pointer[func()]) {
	if do := p.Swap(nil); do != nil {
		(*do)()
	}
}

func (n *nosy) Err() error {
	err := n.Context.Err() // what it was before
	once(&n.onErr)
	return err
}

func (n *nosy) Done() <-chan struct{} {
	once(&n.onDone)
	return n.Context.Done()
}

func echo(_ context.Context, reqs []int) ([]int, error) { return reqs, nil }

// A slot looks at the contexts of the batch that it has taken. If another
// batch is sealed meanwhile, that must not start a second slot.
func TestBatchSealedWhileSlotLooksAtContexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var inFunc, most atomic.Int32
		b := batcher.New(func(_ context.Context, reqs []int) ([]int, error) {
			most.Store(max(most.Load(), inFunc.Add(1)))
			defer inFunc.Add(-1)
			time.Sleep(time.Second)
			return reqs, nil
		}, batcher.Options{})
		b.Submit(context.Background(), 0)
		synctest.Wait() // the slot is busy
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		asked := &nosy{Context: ctx}
		b.Submit(asked, 1)
		meddle := func() {
			b.Submit(context.Background(), 2)
			b.Flush()
		}
		asked.onErr.Store(&meddle)
		time.Sleep(10 * time.Second)
		b.Close()
		if most.Load() != 1 {
			t.Errorf("%d batches were in Func at once, there is one slot", most.Load())
		}
		if s := b.Stats(); s.Succeeded != 3 {
			t.Errorf("%d requests succeeded, want 3", s.Succeeded)
		}
	})
}

// The context of a Do ends just as its batch is done. Whichever Do sees, the
// slot must be free afterwards.
func TestContextEndsAsLoneDoIsAnswered(t *testing.T) {
	for range 100 { // each is a toss-up
		synctest.Test(t, func(t *testing.T) {
			b := batcher.New(echo, batcher.Options{})
			lateDo(b)
			lateDo(b)
			f := b.Submit(context.Background(), 8)
			synctest.Wait()
			if _, err := f.Wait(settled); err != nil {
				t.Error("the slot is not free")
				b.Do(context.Background(), 9) // frees it
			}
			b.Close()
		})
		if t.Failed() {
			return
		}
	}
}

// lateDo is a Do whose context ends, and which gets to run on, when its
// request has been answered.
func lateDo(b *batcher.Batcher[int, int]) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	asked := &nosy{Context: ctx}
	beforeItWaits := func() {
		synctest.Wait()
		cancel()
	}
	beforeItEnters := func() { asked.onDone.Store(&beforeItWaits) }
	asked.onDone.Store(&beforeItEnters)
	b.Do(asked, 7)
}

// A context ends after Submit has looked at it and before the request is in
// the batch, which holds an earlier request with the same context.
func TestContextEndsWhileSubmit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := batcher.New(echo, batcher.Options{Manual: true})
		b.Submit(context.Background(), 0)
		ctx, cancel := context.WithCancel(context.Background())
		asked := &nosy{Context: ctx}
		first := b.Submit(asked, 1)
		endIt := func() {
			cancel()
			synctest.Wait() // the first is withdrawn
		}
		asked.onErr.Store(&endIt)
		second := b.Submit(asked, 2)
		synctest.Wait()
		for i, f := range []batcher.Future[int]{first, second} {
			if _, err := f.Wait(settled); err != context.Canceled {
				t.Errorf("request %d: %v, want that it is withdrawn", i+1, err)
			}
		}
		b.Close()
	})
}

// A key's only batch is with a slot that looks at its contexts. If the key
// gets and loses another batch meanwhile, it is still the same key.
func TestKeyIsUsedWhileSlotLooksAtContexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := batcher.NewKeyed(func(_ context.Context, _ string, reqs []int) ([]int, error) {
			time.Sleep(time.Second)
			return reqs, nil
		}, batcher.Options{})
		k.Submit(context.Background(), "other", 0)
		synctest.Wait() // the slot is busy
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		asked := &nosy{Context: ctx}
		k.Submit(asked, "key", 1)
		comeAndGo := func() { k.Submit(context.Background(), "key", 2).Cancel() }
		asked.onErr.Store(&comeAndGo)
		time.Sleep(1500 * time.Millisecond) // the batch of 1 is in Func
		last := k.Submit(context.Background(), "key", 3)
		if k.Len() != 1 {
			t.Errorf("Len is %d, want 1", k.Len())
		}
		time.Sleep(time.Second) // the batch of 1 is done
		if k.Len() != 1 {
			t.Errorf("Len is %d, want 1", k.Len())
		}
		if res, err := last.Wait(context.Background()); res != 3 || err != nil {
			t.Errorf("got %d, %v, want 3", res, err)
		}
		k.Close()
	})
}

// A key whose batch waits for a slot keeps its place in the line when that
// batch becomes full, and when Close seals it.
func TestKeyKeepsItsTurnWhenItsBatchIsSealed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []string
		k := batcher.NewKeyed(func(_ context.Context, key string, reqs []int) ([]int, error) {
			order = append(order, key)
			time.Sleep(time.Second)
			return reqs, nil
		}, batcher.Options{MaxSize: 2})
		submit := func(key string, n int) {
			for i := range n {
				k.Submit(context.Background(), key, i)
			}
		}
		submit("hot", 2)
		synctest.Wait() // the slot is busy
		submit("hot", 4)
		submit("cold", 1)
		time.Sleep(1500 * time.Millisecond) // hot goes first, then it is cold's turn
		submit("cold", 1)
		k.Close()
		if want := []string{"hot", "hot", "cold", "hot"}; !slices.Equal(order, want) {
			t.Errorf("the order was %v, want %v", order, want)
		}
	})
}
