package batcher_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/gobatcher/batcher"
)

// A caller that is alone in its batch may leave in the very moment in which it
// is answered. Whatever is used again of that batch, the next caller must not
// notice.
func TestCallerThatLeavesAsItIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var leave context.CancelFunc
		b := batcher.New(func(_ context.Context, reqs []int) ([]int, error) {
			leave()
			return tenfold(reqs), nil
		}, batcher.Options{Go: func(task func()) { task() }}) // Func has returned when Do begins to wait
		for i := range 100 {
			ctx, cancel := context.WithCancel(context.Background())
			leave = cancel
			got, err := b.Do(ctx, i)
			if err == nil && got != 10*i || err != nil && err != context.Canceled {
				t.Errorf("request %d got %d, %v", i, got, err)
			}
		}
	})
}

// Callers come one after the other, so that each has a batch to itself, and
// some leave at about the time of their answer.
func TestLoneCallersWithAndWithoutPatience(t *testing.T) {
	b := batcher.New(answerAll, batcher.Options{MaxConcurrent: 2, MaxSize: 1})
	var callers sync.WaitGroup
	for c := range 4 {
		callers.Go(func() {
			for i := range 200 {
				req := 1000*c + i
				ctx, cancel := context.WithCancel(context.Background())
				if i%3 == 0 {
					go cancel()
				}
				got, err := b.Do(ctx, req)
				if err == nil && got != 10*req || err != nil && (i%3 != 0 || err != context.Canceled) {
					t.Errorf("request %d got %d, %v", req, got, err)
				}
				cancel()
			}
		})
	}
	callers.Wait()
	b.Close()
}

// Each of these finds something to use again that the one before has left.
func TestLoneCallersOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fail := false
		b := batcher.New(func(_ context.Context, reqs []int) ([]int, error) {
			switch {
			case reqs[0] == 13:
				panic(errBroken)
			case fail:
				return nil, batcher.Errors{errBroken}
			}
			return tenfold(reqs), nil
		}, batcher.Options{})
		ctx := context.Background()
		for i := range 20 {
			fail = i%4 == 3
			got, err := b.Do(ctx, i)
			if bad := fail || i == 13; bad != errors.Is(err, errBroken) || !bad && got != 10*i {
				t.Errorf("request %d got %d, %v", i, got, err)
			}
		}
	})
}

func TestDeadlineOfALoneCallerIsNotThatOfTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{Delay: 10 * time.Second})
		ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
		defer cancel()
		for _, ctx := range []context.Context{ctx, context.Background()} {
			if _, err := b.Do(ctx, 1); err != nil {
				t.Error(err)
			}
		}
		r.expect(t, "2s deadline [1]", "12s delay [1]")
	})
}

func TestBatchThatIsKnownOutsideIsNotUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{Manual: true})
		do := r.later(func() (int, error) { return b.Do(context.Background(), 1) })
		batch := b.Current()
		b.Flush()
		<-do
		do = r.later(func() (int, error) { return b.Do(context.Background(), 2) })
		if b.Current() == batch || batch.State() != batcher.StateDone || batch.Len() != 1 {
			t.Errorf("%v with %d requests", batch.State(), batch.Len())
		}
		b.Flush()
		if got := <-do; got.value != 20 {
			t.Errorf("%+v", got)
		}
		if res, err := batch.Results(context.Background()); err != nil || len(res) != 1 || res[0].Value != 10 {
			t.Errorf("%v, %v", res, err)
		}
	})
}

// What Func still holds of a batch of one does not change with the next.
func TestInfoOfALoneCallerStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var held []context.Context
		b := batcher.New(func(ctx context.Context, reqs []int) ([]int, error) {
			held = append(held, ctx)
			return reqs, nil
		}, batcher.Options{})
		for _, name := range []string{"a", "b", "c"} {
			b.Do(withTenant(name), 1)
			time.Sleep(time.Second)
		}
		for i, name := range []string{"a", "b", "c"} {
			info, _ := batcher.FromContext(held[i])
			if tenantOf(info.Requests[0]) != name || i > 0 && !info.Opened.After(openedOf(held[i-1])) || held[i].Err() == nil {
				t.Errorf("%s: %+v", name, info)
			}
		}
	})
}

// openedOf is when the batch opened that a Func's context belongs to.
func openedOf(ctx context.Context) time.Time {
	info, _ := batcher.FromContext(ctx)
	return info.Opened
}

func TestNothingOfALoneCallerIsKept(t *testing.T) {
	b := batcher.New(func(_ context.Context, reqs []*[64]int) ([]*[64]int, error) { return reqs, nil }, batcher.Options{})
	pointers := make([]weak.Pointer[[64]int], 10)
	for i := range pointers {
		req := new([64]int)
		pointers[i] = weak.Make(req)
		b.Do(context.Background(), req)
	}
	expectCollected(t, pointers)
	runtime.KeepAlive(b)
}

func TestKeyOfALoneCallerIsNotKept(t *testing.T) {
	k := batcher.NewKeyed(func(_ context.Context, _ *[64]int, reqs []int) ([]int, error) { return reqs, nil }, batcher.Options{})
	pointers := make([]weak.Pointer[[64]int], 10)
	for i := range pointers {
		key := new([64]int)
		pointers[i] = weak.Make(key)
		k.Do(context.Background(), key, 1)
	}
	expectCollected(t, pointers)
	runtime.KeepAlive(k)
}
