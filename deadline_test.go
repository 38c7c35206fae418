package batcher_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
)

const ms = time.Millisecond

// due returns a context whose deadline is the instant at, counted from the start.
func (r *recorder) due(t *testing.T, at time.Duration) context.Context {
	ctx, cancel := context.WithDeadline(context.Background(), r.start.Add(at))
	t.Cleanup(cancel)
	return ctx
}

// taking is process that then takes a while, which depends on the batch.
func (r *recorder) taking(took func(size int) time.Duration) batcher.Func[int, int] {
	return func(ctx context.Context, reqs []int) ([]int, error) {
		defer time.Sleep(took(len(reqs)))
		return r.process(ctx, reqs)
	}
}

// practice runs a batch of each size, so that Func's run time is known.
func practice(t *testing.T, b *batcher.Batcher[int, int], sizes ...int) {
	t.Helper()
	for _, size := range sizes {
		futures := submitAll(b, make([]int, size)...)
		if err := b.Flush(); err != nil {
			t.Fatal(err)
		}
		expectAnswers(t, futures, make([]int, size)...)
	}
}

func TestADeadlineHalvesTheTimeWhereFuncHasNeverRun(t *testing.T) {
	for name, submit := range map[string]func(context.Context, *batcher.Batcher[int, int]){
		"Submit":    func(ctx context.Context, b *batcher.Batcher[int, int]) { b.Submit(ctx, 1) },
		"TrySubmit": func(ctx context.Context, b *batcher.Batcher[int, int]) { b.TrySubmit(ctx, 1) },
		"Do":        func(ctx context.Context, b *batcher.Batcher[int, int]) { go b.Do(ctx, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := record()
				b := batcher.New(r.process, batcher.Options{Delay: time.Hour})
				r.until(1 * time.Second)
				submit(r.due(t, 11*time.Second), b)
				r.until(3 * time.Second)
				submitAll(b, 2)
				r.until(20 * time.Second)
				r.expect(t, "6s deadline [1 2]")
				if n := b.Stats().Started(batcher.TriggerDeadline); n != 1 {
					t.Errorf("%d batches started by a deadline", n)
				}
			})
		})
	}
}

// kept runs Func for each of the times and gives what is then kept for it: how
// long before its deadline a request starts.
func kept(t *testing.T, runs ...time.Duration) (keep time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		next := time.Duration(0)
		b := batcher.New(r.taking(func(int) time.Duration { return next }), batcher.Options{Delay: time.Hour})
		for _, next = range runs {
			practice(t, b, 1)
		}
		next = 0
		deadline := time.Since(r.start) + time.Minute
		outcome := <-r.later(func() (int, error) { return b.Do(r.due(t, deadline), 7) })
		if outcome.value != 70 || outcome.err != nil {
			t.Errorf("after runs of %v: %+v", runs, outcome)
		}
		keep = deadline - outcome.at
	})
	return keep
}

func TestTheTimeKeptForFuncFollowsItsRuns(t *testing.T) {
	steady := slices.Repeat([]time.Duration{80 * ms}, 60)
	for _, c := range []struct {
		runs []time.Duration
		want time.Duration
	}{
		{steady[:1], 120 * ms}, // half more than it took
		{steady[:2], 110 * ms}, // less and less
		{steady[:3], 102500 * time.Microsecond},
		{steady, 81 * ms}, // never less than a millisecond
		{[]time.Duration{100 * ms, 1000 * ms}, 812500 * time.Microsecond},     // slower
		{[]time.Duration{100 * ms, 1000 * ms, 1000 * ms}, 1196875 * ms / 1e3}, // enough after two
		{[]time.Duration{1000 * ms, 100 * ms}, 1275 * ms},                     // faster
		{[]time.Duration{1000 * ms, 100 * ms, 100 * ms}, 1106250 * ms / 1e3},
	} {
		if got := kept(t, c.runs...); got != c.want {
			t.Errorf("after %d runs, the last of %v: %v are kept, want %v", len(c.runs), c.runs[len(c.runs)-1], got, c.want)
		}
	}
}

func TestTheTimeKeptForFuncIsThatOfTheSize(t *testing.T) {
	for _, c := range []struct {
		size int
		want string // start before the deadline at 1m, with half more than the time of the size seen
	}{
		{1, "59.985s"},  // 1: 10 ms
		{2, "59.94s"},   // 4 is the next larger: 40 ms
		{5, "59.94s"},   // between 4 and 7: 40 ms
		{127, "58.5s"},  // between 64 and 127: 1 s
		{1000, "58.5s"}, // none is larger: 1 s
	} {
		synctest.Test(t, func(t *testing.T) {
			r := record()
			b := batcher.New(r.taking(func(size int) time.Duration { return time.Duration(size) * 10 * ms }), batcher.Options{Delay: time.Hour})
			practice(t, b, 100, 4, 1)
			r.notes = nil
			reqs := make([]int, c.size)
			for _, req := range reqs { // with each of them the batch may reach another size
				b.Submit(r.due(t, time.Minute), req)
			}
			r.until(2 * time.Minute)
			r.expect(t, fmt.Sprint(c.want, " deadline ", reqs))
		})
	}
}

func TestTheFirstReasonInTimeStartsABatch(t *testing.T) {
	lingering := batcher.Options{Delay: time.Hour}
	for name, c := range map[string]struct {
		opts batcher.Options
		asks [][2]int // when the requests 1, 2, … come, and their deadlines, in seconds
		want []string
	}{
		"the earliest of several deadlines":   {lingering, [][2]int{{0, 18}, {0, 10}, {0, 14}}, []string{"5s deadline [1 2 3]"}},
		"that of a later request":             {lingering, [][2]int{{1, 21}, {2, 7}, {3, 90}}, []string{"4s deadline [1 2 3]"}},
		"that of a later one past its chance": {lingering, [][2]int{{1, 90}, {20, 21}}, []string{"20s deadline [1 2]"}},
		"Delay before the deadline":           {batcher.Options{Delay: 3 * time.Second}, [][2]int{{1, 9}}, []string{"4s delay [1]"}},
		"Delay at the same instant":           {batcher.Options{Delay: 3 * time.Second}, [][2]int{{1, 7}}, []string{"4s delay [1]"}},
		"enough before the deadline":          {batcher.Options{MinSize: 2, Delay: time.Hour}, [][2]int{{1, 9}, {2, 9}}, []string{"2s idle [1 2]"}},
		"the deadline before enough":          {batcher.Options{MinSize: 2, Delay: time.Hour}, [][2]int{{1, 9}}, []string{"5s deadline [1]"}},
		"full before the deadline":            {batcher.Options{MaxSize: 2, Delay: time.Hour}, [][2]int{{1, 9}, {2, 9}}, []string{"2s size [1 2]"}},
		"StrictSize without MinSize":          {batcher.Options{StrictSize: true, Delay: time.Hour}, [][2]int{{1, 9}}, []string{"5s deadline [1]"}},
		"StrictSize below MinSize":            {batcher.Options{StrictSize: true, MinSize: 2, Delay: time.Second}, [][2]int{{1, 9}}, nil},
		"Manual":                              {batcher.Options{Manual: true}, [][2]int{{1, 9}}, nil},
		"idle":                                {batcher.Options{}, [][2]int{{1, 2}}, []string{"1s idle [1]"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := record()
				b := batcher.New(r.process, c.opts)
				for i, ask := range c.asks {
					r.until(time.Duration(ask[0]) * time.Second)
					b.Submit(r.due(t, time.Duration(ask[1])*time.Second), i+1)
				}
				r.until(2 * time.Minute)
				r.expect(t, c.want...)
			})
		})
	}
}

func TestABatchByHandWaitsPastADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.NewBatch(r.process, batcher.BatchOptions{Delay: time.Minute})
		soon, _ := b.Add(r.due(t, 10*time.Second), 1)
		late, _ := b.Add(context.Background(), 2)
		expectErrors(t, context.DeadlineExceeded, soon)
		expectAnswers(t, []batcher.Future[int]{late}, 20)
		r.expect(t, "1m0s delay [2]")
	})
}

func TestADeadlineThatCannotBeMetGetsItsChance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.taking(func(int) time.Duration { return 80 * ms }), batcher.Options{Delay: time.Hour})
		practice(t, b, 1) // from 0 to 80 ms
		neighbour := submitAll(b, 1)
		hopeless := <-r.later(func() (int, error) { return b.Do(r.due(t, 100*ms), 2) })
		if !errors.Is(hopeless.err, context.DeadlineExceeded) || hopeless.at != 100*ms {
			t.Errorf("it should end with its context: %+v", hopeless)
		}
		expectAnswers(t, neighbour, 10)
		r.expect(t, "0s manual [0]", "80ms deadline [1 2]")
	})
}

func TestADeadlineWithoutAFreeSlotBindsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{Delay: time.Hour})
		submitAll(b, 1)
		b.Flush()
		b.Submit(r.due(t, 9*time.Second), 2)  // due at 4.5 s, withdrawn at 9 s
		b.Submit(r.due(t, 20*time.Second), 3) // due at 10 s, for Func has taken so long
		r.until(7 * time.Second)
		submitAll(b, 4)
		r.until(10 * time.Second)
		r.expect(t, "0s manual [1]")

		r.release(2)

		r.expect(t, "0s manual [1]", "10s deadline [3 4]")
	})
}

func TestAWithdrawnRequestsDeadlineDoesNotCount(t *testing.T) {
	for name, want := range map[string][]string{
		"the next one counts": {"10s deadline [2 3]"},
		"none is left":        {"1m0s delay [2 3]"},
		"all are withdrawn":   nil,
		"another comes":       {"15s deadline [2 3 4]"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := record()
				b := batcher.New(r.process, batcher.Options{Delay: time.Minute})
				second := context.Background()
				if name == "the next one counts" {
					second = r.due(t, 20*time.Second)
				}
				gone := b.Submit(r.due(t, 10*time.Second), 1) // due at 5 s
				futures := []batcher.Future[int]{b.Submit(second, 2), b.Submit(context.Background(), 3)}
				gone.Cancel()
				r.until(8 * time.Second)
				switch name {
				case "all are withdrawn":
					futures[0].Cancel()
					futures[1].Cancel()
				case "another comes":
					b.Submit(r.due(t, 30*time.Second), 4)
				}
				r.until(2 * time.Minute)
				r.expect(t, want...)
			})
		})
	}
}

func TestTheEarliestDeadlineCountsWhoeverHasIt(t *testing.T) {
	const none = 0
	for _, deadlines := range [][]time.Duration{{10, none, 20}, {20, none, 10}, {none, 10, 20}, {20, 10, none}} {
		synctest.Test(t, func(t *testing.T) {
			r := record()
			b := batcher.New(r.process, batcher.Options{Delay: time.Minute})
			for i, d := range deadlines {
				ctx := context.Background()
				if d != none {
					ctx = r.due(t, d*time.Second)
				}
				b.Submit(ctx, i)
			}
			r.until(2 * time.Minute)
			r.expect(t, "5s deadline [0 1 2]")
		})
	}
}

func TestStaleDeadlineDoesNotShortenTheNextBatch(t *testing.T) {
	for name, finish := range map[string]func(*batcher.Batcher[int, int]){
		"full":   func(b *batcher.Batcher[int, int]) { submitAll(b, 2) },
		"flush":  func(b *batcher.Batcher[int, int]) { b.Flush() },
		"cancel": func(b *batcher.Batcher[int, int]) { b.Current().Cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := record()
				b := batcher.New(answerAll, batcher.Options{MaxSize: 2, Delay: 10 * time.Second})
				b.Submit(r.due(t, 6*time.Second), 1) // due at 3 s
				r.until(1 * time.Second)
				finish(b)
				r.until(2 * time.Second)
				next := r.later(func() (int, error) { return b.Do(context.Background(), 3) })
				if got := <-next; got.at != 12*time.Second {
					t.Errorf("the next batch: %+v, want its delay to pass at 12s", got)
				}
			})
		})
	}
}

// Nor is it found where the earliest deadline is looked for again.
func TestADeadlineOfTheBatchBeforeIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{Delay: time.Minute})
		b.Submit(r.due(t, 40*time.Second), 1)
		b.Flush()
		gone := b.Submit(r.due(t, 20*time.Second), 2)
		submitAll(b, 3)
		gone.Cancel()
		r.until(2 * time.Minute)
		r.expect(t, "0s manual [1]", "1m0s delay [3]")
	})
}

func TestEachKeyHasDeadlinesOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		k := batcher.NewKeyed(r.processKey, batcher.Options{Delay: time.Minute})
		k.Submit(context.Background(), "a", 1)
		k.Submit(r.due(t, 8*time.Second), "b", 2)
		r.until(90 * time.Second)
		r.expect(t, "4s deadline b[2]", "1m0s delay a[1]")
	})
}

// curious counts how often it is asked for its deadline.
type curious struct {
	context.Context
	asked *int
}

func (c curious) Deadline() (time.Time, bool) { *c.asked++; return c.Context.Deadline() }

func TestIdleModeDoesNotLookAtDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		b := batcher.New(answerAll, batcher.Options{MaxSize: 10})
		if _, err := b.Do(curious{record().due(t, time.Second), &asked}, 1); err != nil || asked > 0 {
			t.Errorf("asked %d times: %v", asked, err)
		}
	})
}

// A deadline is met too where the batch grows by requests whose contexts have none.
func TestTheTimeKeptForFuncGrowsWithTheBatch(t *testing.T) {
	for name, plain := range map[string]bool{"background": true, "cancelable": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				others, cancel := context.WithCancel(context.Background())
				defer cancel()
				if plain {
					others = context.Background()
				}
				r := record()
				b := batcher.New(r.taking(func(size int) time.Duration { return time.Duration(size) * ms }), batcher.Options{Delay: time.Hour})
				practice(t, b, 600, 1)
				r.notes = nil
				b.Submit(r.due(t, time.Minute), 0)
				for range 599 {
					b.Submit(others, 0)
				}
				r.until(2 * time.Minute)
				r.expect(t, fmt.Sprint("59.1s deadline ", make([]int, 600)))
			})
		})
	}
}

// What fails at once does not tell how long success takes.
func TestAFailureDoesNotChangeTheTimeKeptForFunc(t *testing.T) {
	for name, failure := range map[string]error{"of all": errBroken, "of each": batcher.Errors{errBroken}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := record()
				fails, works := false, r.taking(func(int) time.Duration { return 100 * ms })
				b := batcher.New(func(ctx context.Context, reqs []int) ([]int, error) {
					if fails {
						return nil, failure
					}
					return works(ctx, reqs)
				}, batcher.Options{Delay: time.Hour})
				practice(t, b, 1)
				fails = true
				for range 8 {
					f := b.Submit(context.Background(), 1)
					b.Flush()
					f.Wait(context.Background())
				}
				fails, r.notes = false, nil
				b.Submit(r.due(t, time.Minute), 1)
				r.until(2 * time.Minute)
				r.expect(t, "59.85s deadline [1]")
			})
		})
	}
}

// A delay that never ends hides no deadline.
func TestADeadlineUnderTheLongestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.process, batcher.Options{Delay: math.MaxInt64})
		r.until(time.Second)
		b.Submit(r.due(t, 3*time.Second), 1)
		r.until(time.Minute)
		r.expect(t, "2s deadline [1]")
		b.Submit(context.Background(), 2)
		r.until(1000 * time.Hour)
		r.expect(t, "2s deadline [1]")
		b.Close()

		byHand := batcher.NewBatch(r.process, batcher.BatchOptions{})
		addAll(t, byHand, 3)
		if err := byHand.StartAfter(math.MaxInt64); err != nil {
			t.Error(err)
		}
		r.until(2000 * time.Hour)
		if byHand.State() != batcher.StateReady || !byHand.Cancel() {
			t.Errorf("it is %v", byHand.State())
		}
	})
}

// Runs that end while a batch waits for company tell more of how long Func takes.
func TestTheTimeKeptForFuncChangesWhileABatchWaits(t *testing.T) {
	for name, c := range map[string]struct {
		before, now time.Duration
		want        string
	}{
		"it is slower":        {10 * ms, 3 * time.Second, "56.4365625s"},
		"it is faster":        {3 * time.Second, 10 * ms, "56.808125s"},
		"it is known":         {0, time.Second, "58.625s"},
		"it is hardly faster": {time.Second, 900 * ms, "58.6875s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, took := record(), c.before
				k := batcher.NewKeyed(func(ctx context.Context, key string, reqs []int) ([]int, error) {
					defer time.Sleep(took)
					return r.processKey(ctx, key, reqs)
				}, batcher.Options{Delay: time.Hour})
				run := func() {
					f := k.Submit(context.Background(), "runs", 0)
					k.Flush("runs")
					f.Wait(context.Background())
				}
				if took > 0 {
					run()
				}
				took = c.now
				k.Submit(r.due(t, time.Minute), "waits", 1)
				run()
				run()
				r.mu.Lock()
				r.notes = nil
				r.mu.Unlock()
				r.until(2 * time.Minute)
				r.expect(t, c.want+" deadline waits[1]")
				k.Close()
			})
		})
	}
}

// The delay has passed while no slot was free; then it is put off.
func TestADeadlineMattersAgainWhenTheDelayIsPutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{Delay: 2 * time.Second})
		submitAll(b, 1)
		b.Flush()
		b.Submit(r.due(t, 40*time.Second), 2)
		r.until(3 * time.Second)
		if err := b.Current().StartAfter(time.Hour); err != nil {
			t.Error(err)
		}
		r.release(1)
		r.until(2 * time.Minute)
		r.expect(t, "0s manual [1]", "35.5s deadline [2]") // the first took 3 s
		close(r.gate)
		b.Close()
	})
}

func TestADeadlineDoesNotOutliveItsRequestInABatchWithoutASlot(t *testing.T) {
	for name, want := range map[string]string{
		"none is left":          "1m0s delay [3]",
		"a later one counts":    "25s deadline [3]", // 15 s are kept for a Func that has run for 10
		"another without comes": "1m0s delay [3 4]",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := hold()
				b := batcher.New(r.process, batcher.Options{Delay: time.Minute})
				submitAll(b, 1)
				b.Flush()
				b.Submit(r.due(t, 4*time.Second), 2) // due at 2 s, withdrawn at 4 s
				if name == "a later one counts" {
					b.Submit(r.due(t, 40*time.Second), 3)
				} else {
					submitAll(b, 3)
				}
				r.until(10 * time.Second)
				r.release(1)
				r.until(20 * time.Second)
				if name == "another without comes" {
					submitAll(b, 4)
				}
				r.until(2 * time.Minute)
				r.expect(t, "0s manual [1]", want)
				close(r.gate)
				b.Close()
			})
		})
	}
}

// The request that hurried the batch was canceled while no slot was free.
func TestAfterAHurryAnotherDeadlineStartsTheBatchInItsOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		k := batcher.NewKeyed(r.processKey, batcher.Options{Delay: time.Minute})
		gone := k.Submit(r.due(t, 40*time.Second), "a", 1) // due at 20 s
		k.Submit(context.Background(), "a", 2)
		r.until(18 * time.Second)
		k.Submit(context.Background(), "b", 3)
		k.Flush("b")
		r.until(21 * time.Second)
		gone.Cancel()
		r.until(22 * time.Second)
		r.release(1) // from now on 6 s are kept
		r.until(23 * time.Second)
		k.Submit(r.due(t, 39*time.Second), "a", 4)
		r.until(38 * time.Second)
		r.expect(t, "18s manual b[3]", "33s deadline a[2 4]")
		close(r.gate)
		k.Close()
	})
}

// It was due before Func became faster, and its request still waits.
func TestABatchThatADeadlineHasMadeDueStaysDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, took := record(), 100*ms
		b := batcher.New(r.taking(func(int) time.Duration { return took }), batcher.Options{MaxSize: 2, Delay: time.Hour})
		submitAll(b, 1, 2)
		r.until(1000 * ms)
		took = 10 * ms
		submitAll(b, 3, 4)
		b.Submit(r.due(t, 1155*ms), 5) // due at 1.005 s, or, as Func runs from then on, at 1.0275 s
		r.until(2000 * ms)
		r.expect(t, "0s size [1 2]", "1s size [3 4]", "1.01s deadline [5]")
	})
}

// Once a deadline has made a batch due and no slot is free, requests that come
// cost no look at the deadlines of all.
func TestWhoComesToAHurriedBatchCostsLittle(t *testing.T) {
	const crowd, late = 20_000, 2_000
	cost := func(within time.Duration) time.Duration {
		began := time.Now()
		synctest.Test(t, func(t *testing.T) {
			r := hold()
			b := batcher.New(r.process, batcher.Options{Delay: 2 * time.Hour})
			submitAll(b, 1)
			b.Flush()
			ctx := r.due(t, within)
			for range crowd {
				b.Submit(ctx, 2)
			}
			r.until(time.Minute)
			for range late {
				b.Submit(ctx, 3)
				synctest.Wait()
			}
			close(r.gate)
			b.Close()
		})
		return time.Since(began)
	}
	hurried, calm := time.Hour, time.Hour
	for range 3 {
		hurried, calm = min(hurried, cost(90*time.Second)), min(calm, cost(time.Hour))
	}
	if hurried > 5*calm { // a look at all deadlines for each took 14 times as long
		t.Errorf("it took %v, and %v where no deadline was near", hurried, calm)
	}
}

// Each first run of a size changes the time kept for Func, and with it when all
// that wait for a deadline must start.
func TestKeysThatWaitForADeadlineDoNotSlowTheOthers(t *testing.T) {
	const hot, largest = -1, 1 << 10
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	cost := func(keys int) time.Duration {
		k := batcher.NewKeyed(func(_ context.Context, _ int, reqs []int) ([]int, error) { return reqs, nil },
			batcher.Options{Delay: 2 * time.Hour})
		for key := range keys {
			k.Submit(ctx, key, 1)
		}
		run := func(size int) {
			var last batcher.Future[int]
			for range size {
				last = k.Submit(context.Background(), hot, 1)
			}
			k.Flush(hot)
			last.Wait(context.Background())
		}
		run(1)
		began := time.Now()
		for size := 2; size <= largest; size *= 2 {
			run(size)
		}
		took := time.Since(began)
		ended, end := context.WithCancel(context.Background())
		end()
		k.Shutdown(ended)
		return took
	}
	crowded, alone := time.Hour, time.Hour
	for range 3 {
		crowded, alone = min(crowded, cost(20_000)), min(alone, cost(0))
	}
	if crowded > 20*alone { // 90 times or more where each run walks over all keys
		t.Errorf("10 runs took %v, and %v where no other key waited", crowded, alone)
	}
}
