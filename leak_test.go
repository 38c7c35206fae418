package batcher_test

import (
	"bytes"
	"context"
	"math"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/gobatcher/batcher"
)

// keptOf collects garbage and counts what is still held of what was pointed to.
func keptOf[T any](pointers []weak.Pointer[T]) (kept int) {
	for range 10 {
		runtime.GC()
		kept = 0
		for _, p := range pointers {
			if p.Value() != nil {
				kept++
			}
		}
		if kept == 0 {
			break
		}
	}
	return kept
}

func expectCollected[T any](t *testing.T, pointers []weak.Pointer[T]) {
	t.Helper()
	if kept := keptOf(pointers); kept > 0 {
		t.Errorf("%d of %d are kept", kept, len(pointers))
	}
}

// A goroutine would keep the bubble from ending, a timer that is set would
// keep its Batcher.
func TestDroppedBatchersAreCollected(t *testing.T) {
	const hour = time.Hour
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel() // it outlives the Batchers
		var pointers []weak.Pointer[batcher.Batcher[int, int]]
		for _, opts := range []batcher.Options{
			{},
			{MaxSize: 2, Delay: hour},
			{Delay: time.Second},
			{MinSize: 2},
			{MinSize: 2, StrictSize: true},
			{Manual: true},
		} {
			for range 1000 {
				pointers = append(pointers, weak.Make(useOnce(t, ctx, opts)))
			}
		}
		if kept := keptOf(pointers); kept > len(pointers)/100 {
			t.Errorf("%d of %d are kept", kept, len(pointers))
		}
		time.Sleep(2 * hour) // the runtime may keep a stopped timer until it would have fired
		expectCollected(t, pointers)
	})
}

// useOnce has a new Batcher answer two requests, and withdraws a third.
func useOnce(t *testing.T, ctx context.Context, opts batcher.Options) *batcher.Batcher[int, int] {
	b := batcher.New(answerAll, opts)
	b.Submit(context.Background(), 1)
	f := b.Submit(context.Background(), 2)
	if opts.Manual {
		b.Flush()
	}
	if _, err := f.Wait(context.Background()); err != nil {
		t.Error(err)
	}
	b.Submit(ctx, 3).Cancel()
	return b
}

func TestDroppedKeyedAndBatchAreCollected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keyeds := make([]weak.Pointer[batcher.Keyed[int, int, int]], 100)
		batches := make([]weak.Pointer[batcher.Batch[int, int]], 100)
		for i := range keyeds {
			k := batcher.NewKeyed(func(_ context.Context, _ int, reqs []int) ([]int, error) { return reqs, nil }, batcher.Options{})
			k.Do(context.Background(), 1, 1)
			keyeds[i] = weak.Make(k)
			b := batcher.NewBatch(answerAll, batcher.BatchOptions{})
			addAll(t, b, 1) // never started
			batches[i] = weak.Make(b)
		}
		synctest.Wait()
		expectCollected(t, keyeds)
		expectCollected(t, batches)
	})
}

// A Future keeps its batch, and nothing else does.
func TestAnsweredRequestsAreNotKept(t *testing.T) {
	b := batcher.New(func(_ context.Context, reqs []*[64]int) ([]*[64]int, error) { return reqs, nil }, batcher.Options{MaxSize: 8})
	ctx := t.Context() // ctx outlives the requests
	pointers := make([]weak.Pointer[[64]int], 1000)
	for i := range pointers {
		req := new([64]int)
		pointers[i] = weak.Make(req)
		if i%2 == 0 {
			b.Do(ctx, req)
		} else {
			b.Submit(ctx, req).Wait(ctx)
		}
	}
	expectCollected(t, pointers)
	runtime.KeepAlive(b)
}

// One request keeps the batch open; those that were withdrawn from it go.
func TestWithdrawnRequestIsNotKeptByItsNeighbour(t *testing.T) {
	b := batcher.New(func(_ context.Context, reqs []*[64]int) ([]*[64]int, error) { return reqs, nil }, batcher.Options{Manual: true})
	stays := b.Submit(context.Background(), nil)
	pointers := make([]weak.Pointer[[64]int], 100)
	for i := range pointers {
		req := new([64]int)
		pointers[i] = weak.Make(req)
		b.Submit(context.Background(), req).Cancel()
	}
	expectCollected(t, pointers)
	b.Close()
	stays.Wait(context.Background())
}

// Func is stuck; callers come and give up. What they asked for must not pile up.
func TestWithdrawnRequestsAreNotKeptWhileFuncIsStuck(t *testing.T) {
	for _, c := range []struct {
		name string
		opts batcher.Options
	}{
		{"in the open batch", batcher.Options{}},
		{"in full batches", batcher.Options{MaxSize: 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stuck := make(chan struct{})
				b := batcher.New(func(_ context.Context, reqs []int) ([]int, error) {
					<-stuck
					return reqs, nil
				}, c.opts)
				b.Submit(context.Background(), 1)
				synctest.Wait() // it runs
				batches := make([]weak.Pointer[batcher.Batch[int, int]], 0, 100)
				for range cap(batches) {
					first := b.Submit(context.Background(), 2)
					batches = append(batches, weak.Make(b.Current()))
					second := b.Submit(context.Background(), 3)
					first.Cancel()
					second.Cancel()
				}
				expectCollected(t, batches)
				close(stuck)
				b.Close()
			})
		})
	}
}

// Func is stuck; callers wait for room and give up.
func TestWhoHasWaitedForRoomIsNotKeptWhileFuncIsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		b := batcher.New(func(_ context.Context, reqs []*[64]int) ([]int, error) {
			<-stuck
			return make([]int, len(reqs)), nil
		}, batcher.Options{MaxPending: 1})
		b.Submit(context.Background(), nil)
		pointers := make([]weak.Pointer[[64]int], 100)
		for i := range pointers {
			req := new([64]int)
			pointers[i] = weak.Make(req)
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			b.Do(ctx, req)
			cancel()
		}
		expectCollected(t, pointers)
		close(stuck)
		b.Close()
	})
}

// liveHeap is what is reachable, in bytes.
func liveHeap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestMemoryDoesNotGrowWithRequestsAnswered(t *testing.T) {
	b := batcher.New(answerAll, batcher.Options{MaxSize: 64})
	ctx := t.Context()
	heap := func(requests int) int64 {
		futures := make([]batcher.Future[int], 64)
		for range requests / len(futures) {
			for i := range futures {
				futures[i] = b.Submit(ctx, i)
			}
			for _, f := range futures {
				f.Wait(ctx)
			}
		}
		clear(futures)
		return liveHeap()
	}
	before, least := heap(1000), int64(math.MaxInt64)
	for range 3 { // a leak grows each time; what the runtime keeps for itself does not
		after := heap(10_000)
		least, before = min(least, after-before), after
	}
	if least > 50_000 { // 5 bytes a request
		t.Errorf("at least %d bytes more for each 10,000 requests", least)
	}
}

// goroutines counts the goroutines that there are. runtime.NumGoroutine counts
// those too that have ended, while the collector frees their stacks: thousands,
// after a test with as many callers.
func goroutines() int {
	buf := make([]byte, 1<<20)
	for {
		if n := runtime.Stack(buf, true); n < len(buf) {
			return 1 + bytes.Count(buf[:n], []byte("\n\ngoroutine "))
		}
		buf = make([]byte, 2*len(buf))
	}
}

// One caller that flushes and waits in turns keeps a processor to itself, so
// that goroutines which yield hardly have a turn.
func TestGoroutinesDoNotPileUpBehindABusyCaller(t *testing.T) {
	b := batcher.New(answerAll, batcher.Options{Manual: true})
	before, most := goroutines(), 0
	for i := 0; i < 100_000 && most <= 50; i++ {
		f := b.Submit(context.Background(), i)
		b.Flush()
		f.Wait(context.Background())
		if runtime.NumGoroutine()-before > 50 {
			most = max(most, goroutines()-before)
		}
	}
	b.Close()
	if most > 50 {
		t.Errorf("%d goroutines at once", most)
	}
}

// So they must not where somebody waits all the time, so that no batch is ever
// without a request: callers come and leave, two at a time.
func TestWithdrawnRequestsAreNotKeptWithTheirNeighbours(t *testing.T) {
	type key struct{}
	const callers = 1500
	for name, opts := range map[string]batcher.Options{
		"Func is stuck":       {},
		"too few to start":    {MinSize: 4, StrictSize: true},
		"they wait for hours": {Delay: 1000 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stuck := make(chan struct{})
				b := batcher.New(func(_ context.Context, reqs []*[4096]byte) ([]int, error) {
					<-stuck
					return make([]int, len(reqs)), nil
				}, opts)
				if name == "Func is stuck" {
					b.Submit(context.Background(), nil)
					synctest.Wait()
				}
				call := func() (leave func()) {
					ctx, cancel := context.WithCancel(context.WithValue(context.Background(), key{}, new([4096]byte)))
					left := make(chan struct{})
					go func() {
						b.Do(ctx, new([4096]byte))
						close(left)
					}()
					synctest.Wait()
					return func() { cancel(); <-left }
				}
				leave := call()
				before := liveHeap()
				for range callers {
					next := call()
					leave()
					leave = next
				}
				// What is left of each is a place: some 60 bytes.
				if grown := liveHeap() - before; grown > 200*callers {
					t.Errorf("%d bytes for each of %d who have left", grown/callers, callers)
				}
				leave()
				close(stuck)
				b.Close()
			})
		})
	}
}

// One that waits for a slot takes no more once nearly all have left it, so that
// it ends when the last has left.
func TestABatchThatNearlyAllHaveLeftIsNotKeptWhileFuncIsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{})
		submitAll(b, 1)
		synctest.Wait() // it runs
		last := b.Submit(context.Background(), 2)
		batch := weak.Make(b.Current())
		for range 1100 {
			next := b.Submit(context.Background(), 3)
			last.Cancel()
			last = next
		}
		expectCollected(t, []weak.Pointer[batcher.Batch[int, int]]{batch})
		r.release(2)
		expectAnswers(t, []batcher.Future[int]{last}, 30)
	})
}

// More callers than a batch takes, so that full batches wait all the time. No
// batch must keep another, and with it all that follow.
func TestAnsweredRequestsAreNotKeptWhereTheyMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var results []weak.Pointer[[64]int]
		b := batcher.New(func(_ context.Context, reqs []int) ([]*[64]int, error) {
			time.Sleep(time.Duration(len(reqs)) * target / 20)
			mu.Lock()
			defer mu.Unlock()
			res := make([]*[64]int, len(reqs))
			for i := range res {
				res[i] = new([64]int)
				results = append(results, weak.Make(res[i]))
			}
			return res, nil
		}, batcher.Options{MaxSize: 64, TargetTime: target})
		stop := time.Now().Add(5 * time.Minute)
		var callers sync.WaitGroup
		for range 200 {
			callers.Go(func() {
				for time.Now().Before(stop) {
					b.Do(context.Background(), 1)
				}
			})
		}
		time.Sleep(4*time.Minute + ms)
		mu.Lock()
		if kept := keptOf(results); kept > 1000 {
			t.Errorf("%d of %d results are kept", kept, len(results))
		}
		mu.Unlock()
		callers.Wait()
		b.Close()
	})
}

// One request keeps the batch open; what the contexts of others held goes.
func TestContextsOfWithdrawnSubmitsAreNotKept(t *testing.T) {
	type key struct{}
	for name, withdraw := range map[string]func(futures []batcher.Future[int], cancel func()){
		"canceled": func(futures []batcher.Future[int], _ func()) {
			for _, f := range futures {
				f.Cancel()
			}
		},
		"context ended": func(_ []batcher.Future[int], cancel func()) { cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := batcher.New(answerAll, batcher.Options{Manual: true})
				submitAll(b, 1)
				pointers := make([]weak.Pointer[[64]int], 100)
				for i := range pointers {
					value := new([64]int)
					pointers[i] = weak.Make(value)
					ctx, cancel := context.WithCancel(context.WithValue(context.Background(), key{}, value))
					var futures []batcher.Future[int]
					for range 1 + i%2 { // alone, or two with one context
						futures = append(futures, b.Submit(ctx, 2))
					}
					withdraw(futures, cancel)
					synctest.Wait()
					for _, f := range futures {
						if !closed(f.Done()) {
							t.Error("not withdrawn")
						}
					}
				}
				expectCollected(t, pointers)
				b.Close()
			})
		})
	}
}

// watched is a context that counts who waits for its end.
type watched struct {
	context.Context
	end     chan struct{}
	mu      sync.Mutex // guards what follows
	waiting int
}

func (c *watched) Done() <-chan struct{} { return c.end }

// AfterFunc is what package context calls instead of starting a goroutine.
func (c *watched) AfterFunc(func()) (stop func() bool) {
	c.count(1)
	return sync.OnceValue(func() bool { c.count(-1); return true })
}

func (c *watched) count(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting += n
}

// It may live for long, and what waits for its end would keep the requests.
func TestNothingWaitsForTheContextOfAnAnsweredRequest(t *testing.T) {
	for name, opts := range map[string]batcher.Options{
		"they stay where they are":         {MaxSize: 8},
		"they move to where there is room": {MaxSize: 8, TargetTime: target},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := record()
			b := batcher.New(r.paced(fast, slow, slow, fast, fast, fast, fast, fast, fast), opts)
			ctx := &watched{Context: context.Background(), end: make(chan struct{})}
			submitAll(b, 0)
			synctest.Wait() // it runs
			for i := range 44 {
				if f := b.Submit(ctx, i); i%10 == 0 {
					f.Cancel()
				}
			}
			if ctx.waiting == 0 {
				t.Errorf("%s: none waits before the end", name)
			}
			b.Close()
			if ctx.waiting != 0 {
				t.Errorf("%s: %d still wait", name, ctx.waiting)
			}
		})
	}
}
