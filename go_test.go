package batcher_test

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
)

func TestGoMayRunTheTaskAtOnce(t *testing.T) {
	r := record() // no other goroutine takes part
	b := batcher.New(r.process, batcher.Options{Go: func(task func()) { task() }})
	f := b.Submit(context.Background(), 1)
	if !closed(f.Done()) {
		t.Error("Submit returned before the task had run")
	}
	expectAnswers(t, []batcher.Future[int]{f}, 10)
	if got, err := b.Do(context.Background(), 2); got != 20 || err != nil {
		t.Errorf("Do: %d, %v", got, err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func TestGoMayBeAWorkerPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tasks := make(chan func())
		defer close(tasks)
		var workers sync.WaitGroup
		for range 2 {
			go func() {
				for task := range tasks {
					task()
				}
			}()
		}
		b := batcher.New(answerAll, batcher.Options{MaxSize: 3, MaxConcurrent: 2, Go: func(task func()) { tasks <- task }})
		for c := range 5 {
			workers.Go(func() {
				for i := range 20 {
					req := 100*c + i
					if got, err := b.Do(context.Background(), req); got != 10*req || err != nil {
						t.Errorf("request %d got %d, %v", req, got, err)
					}
				}
			})
		}
		workers.Wait()
		b.Close()
		if s := b.Stats(); s.Succeeded != 100 || s.Running != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestTaskThatIsRunLateBindsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tasks []func()
		r := record()
		b := batcher.New(r.process, batcher.Options{Go: func(task func()) { tasks = append(tasks, task) }})
		submitAll(b, 1)
		r.until(1 * time.Second)
		submitAll(b, 2)
		r.until(2 * time.Second)
		if len(tasks) != 1 {
			t.Fatalf("%d tasks for one slot", len(tasks))
		}
		tasks[0]()
		r.expect(t, "2s idle [1 2]")
		submitAll(b, 3) // takes the slot once more
		tasks[1]()
		r.expect(t, "2s idle [1 2]", "2s idle [3]")
	})
}

func TestTaskThatIsRunTwiceCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{MaxSize: 1, Go: func(task func()) {
			go task()
			go task()
		}})
		submitAll(b, 1, 2)
		r.until(1 * time.Second)
		if s := b.Stats(); s.Running != 1 {
			t.Errorf("%d batches run in one slot", s.Running)
		}
		r.release(2)
		r.expect(t, "0s size [1]", "1s size [2]")
	})
}

// ends runs do in a goroutine of its own, which do may end by a panic or by Goexit.
func ends(do func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = recover() }()
		do()
	}()
	<-done
}

func TestSlotIsNotLostWhereGoFails(t *testing.T) {
	for name, fail := range map[string]func(task func()){
		"panic":                func(func()) { panic("no worker") },
		"Goexit":               func(func()) { runtime.Goexit() },
		"panic after the task": func(task func()) { task(); panic("late") },
		"panic, and the task comes after all": func(task func()) {
			go func() { time.Sleep(time.Second); task() }()
			panic("hasty")
		},
	} {
		for _, slots := range []int{1, 2} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { expectSlots(t, slots, fail) })
			})
		}
	}
}

// expectSlots has Go fail three times and looks for the slots afterwards.
func expectSlots(t *testing.T, slots int, fail func(task func())) {
	gate, failures := make(chan struct{}), 3
	b := batcher.New(func(_ context.Context, reqs []int) ([]int, error) {
		if reqs[0] > 3 {
			<-gate
		}
		return reqs, nil
	}, batcher.Options{MaxSize: 1, MaxConcurrent: slots, Go: func(task func()) {
		if failures > 0 {
			failures--
			fail(task)
		}
		go task()
	}})
	for i := 1; i <= 3; i++ {
		ends(func() { b.Submit(context.Background(), i) })
	}
	failures = 0
	time.Sleep(time.Minute)
	submitAll(b, 4, 5, 6)
	synctest.Wait()
	if s := b.Stats(); s.Running != slots {
		t.Errorf("of %d slots: %+v", slots, s)
	}
	close(gate)
	synctest.Wait()
	if s := b.Stats(); s.Succeeded != 6 || s.Running != 0 {
		t.Errorf("at the end: %+v", s)
	}
}

func TestGoOfABatchByHand(t *testing.T) {
	calls := 0
	b := batcher.NewBatch(answerAll, batcher.BatchOptions{Go: func(task func()) { calls++; task() }})
	futures := addAll(t, b, 1, 2)
	b.Start()
	expectAnswers(t, futures, 10, 20)
	if calls != 1 {
		t.Errorf("Go was called %d times", calls)
	}
}

func TestGoIsCalledOnceForABacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		b := batcher.New(answerAll, batcher.Options{MaxSize: 1, Go: func(task func()) {
			calls++
			go func() { time.Sleep(time.Second); task() }()
		}})
		submitAll(b, 1, 2, 3, 4, 5)
		b.Close()
		if calls != 1 {
			t.Errorf("Go was called %d times", calls)
		}
	})
}

// Func ends the goroutine that Go gave; the slot goes on in another.
func TestGoAfterGoexitOfFunc(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, gate := 0, make(chan struct{})
		b := batcher.New(misbehaving(func(context.Context, []int) ([]int, error) {
			<-gate
			runtime.Goexit()
			return nil, nil
		}), batcher.Options{MaxSize: 1, Go: func(task func()) { calls++; go task() }})
		futures := submitAll(b, 1, 2)
		close(gate)
		if _, err := futures[0].Wait(context.Background()); err == nil {
			t.Error("no error")
		}
		expectAnswers(t, futures[1:], 20)
		if calls != 2 {
			t.Errorf("Go was called %d times", calls)
		}
	})
}

// Go waits for a worker, and the only one is replaced when it has ended.
func TestGoAfterGoexitOfFuncMayWaitForTheNextWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tasks := make(chan func())
		defer close(tasks)
		var work func()
		work = func() {
			ended := true // by a task
			defer func() {
				if ended {
					go work()
				}
			}()
			for task := range tasks {
				task()
			}
			ended = false
		}
		go work()
		gate := make(chan struct{})
		b := batcher.New(misbehaving(func(context.Context, []int) ([]int, error) {
			<-gate
			runtime.Goexit()
			return nil, nil
		}), batcher.Options{MaxSize: 1, Go: func(task func()) { tasks <- task }})
		futures := submitAll(b, 1, 2)
		close(gate)
		expectAnswers(t, futures[1:], 20)
		b.Close()
	})
}

// inSlot is a context that does something when it is asked for the second time
// whether it has ended: when a slot has taken its batch.
type inSlot struct {
	context.Context
	asked *int
	do    func()
}

func (c inSlot) Err() error {
	if *c.asked++; *c.asked == 2 {
		c.do()
	}
	return c.Context.Err()
}

// A slot makes another one necessary while it is on its way to Func. It must
// not wait for a worker, which may be itself, nor run the other one first.
func TestGoIsNotCalledByASlot(t *testing.T) {
	for name, run := range map[string]func(tasks chan func()) func(task func()){
		"it waits for a worker": func(tasks chan func()) func(func()) { return func(task func()) { tasks <- task } },
		"it runs the task": func(tasks chan func()) func(func()) {
			first := true
			return func(task func()) {
				if !first {
					task()
					return
				}
				first = false
				tasks <- task
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tasks := make(chan func())
				go func() {
					for task := range tasks {
						task()
					}
				}()
				r := record()
				b := batcher.New(r.process, batcher.Options{MaxSize: 1, MaxConcurrent: 2, Go: run(tasks)})
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				b.Submit(inSlot{ctx, new(int), func() { b.Submit(context.Background(), 2) }}, 1)
				synctest.Wait()
				slices.Sort(r.notes) // two slots: either may be first
				r.expect(t, "0s size [1]", "0s size [2]")
				b.Close()
				close(tasks)
			})
		})
	}
}

// Only Submit and Do wait for Go, which here waits for a worker, or runs a
// batch that takes as long.
func TestWhoDoesNotWaitDoesNotWaitForGo(t *testing.T) {
	const hour = time.Hour
	ctx := context.Background()
	calls := map[string]func(b *batcher.Batcher[int, int]) error{
		"Flush":      func(b *batcher.Batcher[int, int]) error { return b.Flush() },
		"Start":      func(b *batcher.Batcher[int, int]) error { return b.Current().Start() },
		"StartAfter": func(b *batcher.Batcher[int, int]) error { return b.Current().StartAfter(0) },
		"Add": func(b *batcher.Batcher[int, int]) error {
			_, err := b.Current().Add(ctx, 2)
			return err
		},
		"TrySubmit": func(b *batcher.Batcher[int, int]) error { b.TrySubmit(ctx, 2); return nil },
		"Shutdown": func(b *batcher.Batcher[int, int]) error {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			if err := b.Shutdown(ctx); err != context.DeadlineExceeded {
				return err
			}
			return nil
		},
	}
	for name, call := range calls {
		for how, run := range map[string]func(task func()){
			"a worker": func(task func()) { time.Sleep(hour); go task() },
			"at once":  func(task func()) { task() },
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := batcher.New(func(ctx context.Context, reqs []int) ([]int, error) {
						select {
						case <-ctx.Done():
						case <-time.After(hour):
						}
						return reqs, nil
					}, batcher.Options{MaxSize: 2, Manual: true, Go: run})
					b.Submit(ctx, 1)
					start := time.Now()
					if err := call(b); err != nil || time.Since(start) > time.Second {
						t.Errorf("%v after %v", err, time.Since(start))
					}
					b.Close()
				})
			})
		}
	}
}

// Go fails in one caller's Submit; others wait for the slot, and for Close.
func TestOthersDoNotWaitForASlotThatGoFailedToStart(t *testing.T) {
	for name, failure := range map[string]func(){
		"panic":  func() { panic("no worker") },
		"Goexit": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := record()
				b := batcher.New(r.process, batcher.Options{Go: func(func()) { time.Sleep(time.Second); failure() }})
				go ends(func() { b.Submit(context.Background(), 1) })
				synctest.Wait()
				neighbour := submitAll(b, 2)
				if err := b.Close(); err != nil {
					t.Error(err)
				}
				expectAnswers(t, neighbour, 20)
				r.expect(t, "1s close [1 2]")
			})
		})
	}
}

// The second request is too heavy for the batch of the first, and its own batch
// is full at once: one Submit starts two slots.
func TestNoSlotIsLostWhereGoFailsToStartTheFirstOfTwo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		b := batcher.New(func(_ context.Context, reqs []parcel) ([]int, error) {
			<-gate
			return make([]int, len(reqs)), nil
		}, batcher.Options{MaxWeight: 10, Delay: time.Hour, MaxConcurrent: 2, Go: func(func()) { panic("no worker") }})
		light := b.Submit(context.Background(), 5)
		ends(func() { b.Submit(context.Background(), 10) })
		synctest.Wait()
		if s := b.Stats(); s.Running != 2 {
			t.Errorf("%+v", s)
		}
		close(gate)
		expectAnswers(t, []batcher.Future[int]{light}, 0)
		b.Close()
	})
}
