package batcher_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
)

const (
	slow = 2 * target
	fast = target / 2
)

// paced is process whose batches take so long, one after the other.
func (r *recorder) paced(took ...time.Duration) batcher.Func[int, int] {
	return r.taking(func(int) (d time.Duration) {
		d, took = took[0], took[1:]
		return d
	})
}

// submitBehind submits requests from 1 to last while others run, which are as
// many as run alone, so that it is known which of them are a batch.
func submitBehind(b *batcher.Batcher[int, int], alone, last int) []batcher.Future[int] {
	submitAll(b, make([]int, alone)...)
	synctest.Wait()
	return submitAll(b, upTo(1, last)...)
}

// upTo returns the numbers from first to last.
func upTo(first, last int) (numbers []int) {
	for i := first; i <= last; i++ {
		numbers = append(numbers, i)
	}
	return numbers
}

func TestBatchesThatWaitFollowTheLimit(t *testing.T) {
	for name, c := range map[string]struct {
		opts     batcher.Options
		requests int
		runs     []time.Duration
		want     []string
	}{
		"it falls and rises": {
			batcher.Options{MaxSize: 8}, 44,
			[]time.Duration{fast, slow, slow, fast, fast, fast, fast, fast, fast},
			[]string{
				"0s idle [0]", "50ms size [1 2 3 4 5 6 7 8]",
				"250ms size [9 10 11 12 13 14 15 16]",
				"450ms size [17 18 19 20]",
				"500ms size [21 22 23 24]",
				"550ms size [25 26 27 28 29 30]",
				"600ms size [31 32 33 34 35 36 37]",
				"650ms size [38 39 40 41 42 43 44]", // the last four were in the open batch
			},
		},
		"it falls below what the open batch holds": {
			batcher.Options{MaxSize: 8}, 22,
			[]time.Duration{fast, slow, slow, fast, fast},
			[]string{
				"0s idle [0]", "50ms size [1 2 3 4 5 6 7 8]",
				"250ms size [9 10 11 12 13 14 15 16]",
				"450ms idle [17 18 19 20]",
				"500ms idle [21 22]",
			},
		},
		"what remains holds MinSize": {
			batcher.Options{MaxSize: 8, MinSize: 3, StrictSize: true}, 47,
			[]time.Duration{fast, slow, slow, fast, fast, fast, fast, fast, fast},
			[]string{
				"0s idle [0 0 0]", "50ms size [1 2 3 4 5 6 7 8]",
				"250ms size [9 10 11 12 13 14 15 16]",
				"450ms size [17 18 19 20]",
				"500ms size [21 22 23 24]",
				"550ms size [25 26 27 28 29]", // the limit is 6, and 2 may not remain
				"600ms size [30 31 32 33 34 35 36]",
				"650ms size [37 38 39 40 41 42 43 44]",
				"700ms idle [45 46 47]",
			},
		},
		"too few for two": {
			batcher.Options{MaxSize: 8, MinSize: 5, StrictSize: true}, 24,
			[]time.Duration{fast, slow, slow, fast},
			[]string{
				"0s idle [0 0 0 0 0]", "50ms size [1 2 3 4 5 6 7 8]",
				"250ms size [9 10 11 12 13 14 15 16]",
				"450ms size [17 18 19 20 21 22 23 24]", // the limit is 5, and 3 may not remain
			},
		},
		"too few for two, without StrictSize": {
			batcher.Options{MaxSize: 8, MinSize: 5}, 24,
			[]time.Duration{fast, slow, slow, fast, fast},
			[]string{
				"0s idle [0 0 0 0 0]", "50ms size [1 2 3 4 5 6 7 8]",
				"250ms size [9 10 11 12 13 14 15 16]",
				"450ms size [17 18 19 20 21]",
				"500ms size [22 23 24]",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := record()
				c.opts.TargetTime = target
				b := batcher.New(r.paced(c.runs...), c.opts)
				futures := submitBehind(b, max(1, c.opts.MinSize), c.requests)
				r.until(time.Minute)
				b.Close()
				r.expect(t, c.want...)
				expectAnswers(t, futures, tenfold(upTo(1, c.requests))...)
				if s := b.Stats(); s.Succeeded != uint64(max(1, c.opts.MinSize)+c.requests) || s.Batches != uint64(len(c.want)) || s.Pending != 0 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

// halved has a Batcher whose limit has fallen from 8 to 4 while the requests
// from 17 to 24 waited as one batch, of which 17 to 20 run now until they are
// released.
func halved(t *testing.T) (r *recorder, b *batcher.Batcher[int, int], futures []batcher.Future[int]) {
	r = hold()
	b = batcher.New(r.process, batcher.Options{MaxSize: 8, TargetTime: target})
	futures = submitBehind(b, 1, 24)[16:]
	for at := fast; at <= fast+2*slow; at += slow {
		r.until(at)
		r.release(1)
	}
	if limit := b.Stats().SizeLimit; limit != 4 {
		t.Fatalf("the limit is %d", limit)
	}
	return r, b, futures
}

var halvedRuns = []string{"0s idle [0]", "50ms size [1 2 3 4 5 6 7 8]", "250ms size [9 10 11 12 13 14 15 16]", "450ms size [17 18 19 20]"}

func TestCallersFollowRequestsThatMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b, futures := halved(t)
		var waits []<-chan outcome
		var done []<-chan struct{}
		for _, f := range futures {
			waits = append(waits, r.later(func() (int, error) { return f.Wait(context.Background()) }))
			done = append(done, f.Done())
		}
		for i := range futures {
			if closed(done[i]) || len(waits[i]) > 0 {
				t.Errorf("request %d is answered before its batch has run", i)
			}
		}
		if futures[1].Cancel() {
			t.Error("a request that runs was withdrawn")
		}
		if first, again := futures[5].Cancel(), futures[5].Cancel(); !first || !again || !closed(done[5]) {
			t.Error("a request that waits was not withdrawn")
		}
		r.until(550 * ms)
		r.release(1)
		for i := range futures {
			if ended := i < 4 || i == 5; closed(done[i]) != ended || (len(waits[i]) > 0) != ended {
				t.Errorf("after the first half, request %d is answered: %v, %v", i, closed(done[i]), len(waits[i]) > 0)
			}
		}
		r.until(650 * ms)
		r.release(1)
		r.expect(t, append(halvedRuns, "550ms size [21 23 24]")...)
		for i, c := range waits {
			want := outcome{10 * (17 + i), nil, 650 * ms}
			switch {
			case i == 5:
				want = outcome{0, batcher.ErrCanceled, 450 * ms}
			case i < 4:
				want.at = 550 * ms
			}
			if got := <-c; got != want || !closed(done[i]) {
				t.Errorf("request %d got %+v, want %+v", i, got, want)
			}
			if value, err := futures[i].Wait(context.Background()); value != want.value || err != want.err || futures[i].Cancel() != (i == 5) {
				t.Errorf("request %d got %d, %v when it was asked again", i, value, err)
			}
		}
		b.Close()
	})
}

// Callers come in every way, and leave at any time, while the limit moves.
func TestNobodyIsLostWhereRequestsMove(t *testing.T) {
	for seed := range uint64(100) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 2))
			took := make([]time.Duration, 200) // by batch
			for i := range took {
				took[i] = time.Duration(1+random.IntN(20)) * target / 10
			}
			start := time.Now()
			var mu sync.Mutex
			ends := make(map[int]time.Duration) // of the batch of a request
			b := batcher.New(func(_ context.Context, reqs []int) ([]int, error) {
				mu.Lock()
				run := took[0]
				took = took[1:]
				for _, req := range reqs {
					if ends[req] > 0 {
						t.Errorf("seed %d: request %d ran twice", seed, req)
					}
					ends[req] = time.Since(start) + run
				}
				mu.Unlock()
				time.Sleep(run)
				return tenfold(reqs), nil
			}, batcher.Options{MaxSize: 8 + 24*int(seed%2), TargetTime: target, MaxConcurrent: 1 + int(seed%3)})
			var callers sync.WaitGroup
			for req := range took {
				ctx, cancel := context.Background(), context.CancelFunc(func() {})
				leaves := req%3 == 0
				if leaves {
					ctx, cancel = context.WithTimeout(ctx, time.Duration(1+random.IntN(10))*target)
				}
				call := ways[random.IntN(len(ways))]
				callers.Go(func() {
					defer cancel()
					value, err := call(ctx, b, req)
					at := time.Since(start)
					mu.Lock()
					defer mu.Unlock()
					switch end, ran := ends[req]; {
					case err == nil && value == 10*req && ran && (at == end || leaves):
					case err != nil && leaves && (!ran || at <= end):
					default:
						t.Errorf("seed %d: request %d (leaves: %v, ran: %v, to %v) got %d, %v at %v", seed, req, leaves, ran, end, value, err, at)
					}
				})
			}
			callers.Wait()
			b.Close()
			if s := b.Stats(); s.Pending != 0 || s.Succeeded != uint64(len(ends)) || s.Submitted != 200 {
				t.Errorf("seed %d: %+v", seed, s)
			}
		})
	}
}

// ways are all ways to get an answer.
var ways = []func(ctx context.Context, b *batcher.Batcher[int, int], req int) (int, error){
	func(ctx context.Context, b *batcher.Batcher[int, int], req int) (int, error) { return b.Do(ctx, req) },
	func(ctx context.Context, b *batcher.Batcher[int, int], req int) (int, error) {
		return b.Submit(ctx, req).Wait(context.Background())
	},
	func(ctx context.Context, b *batcher.Batcher[int, int], req int) (int, error) {
		f := b.Submit(ctx, req)
		<-f.Done()
		return f.Wait(context.Background())
	},
	func(ctx context.Context, b *batcher.Batcher[int, int], req int) (int, error) {
		f := b.Submit(context.Background(), req)
		select {
		case <-ctx.Done():
			f.Cancel()
			time.Sleep(10 * target) // its place is long gone
		case <-f.Done():
		}
		return f.Wait(context.Background())
	},
}

func TestABatchThatWasShownStaysWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.paced(fast, slow, slow, fast, fast), batcher.Options{MaxSize: 8, TargetTime: target})
		submitBehind(b, 1, 17)
		shown := b.Current()
		submitAll(b, upTo(18, 26)...)
		b.Close()
		results, err := shown.Results(context.Background())
		if len(results) != 8 || results[7] != (batcher.Result[int]{Value: 240}) || err != nil {
			t.Errorf("%v, %v", results, err)
		}
		r.expect(t, "0s idle [0]", "50ms size [1 2 3 4 5 6 7 8]", "250ms size [9 10 11 12 13 14 15 16]", "450ms size [17 18 19 20 21 22 23 24]", "500ms close [25 26]")
	})
}

// 31 and 32 could have company: the limit is 7.
func TestABatchThatWasShownOrFlushedGivesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		touch func(*batcher.Batcher[int, int])
		last  string
	}{
		"shown":   {func(b *batcher.Batcher[int, int]) { b.Current() }, "650ms idle [33 34]"},
		"flushed": {func(b *batcher.Batcher[int, int]) { b.Flush() }, "650ms manual [33 34]"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := record()
				b := batcher.New(r.paced(fast, slow, slow, fast, fast, fast, fast, fast), batcher.Options{MaxSize: 8, TargetTime: target})
				submitBehind(b, 1, 34)
				c.touch(b)
				r.until(time.Minute)
				b.Close()
				r.expect(t, "0s idle [0]", "50ms size [1 2 3 4 5 6 7 8]", "250ms size [9 10 11 12 13 14 15 16]", "450ms size [17 18 19 20]",
					"500ms size [21 22 23 24]", "550ms size [25 26 27 28 29 30]", "600ms size [31 32]", c.last)
			})
		})
	}
}

// The open batch was due, until others took most of its requests.
func TestWhatIsLeftOfTheOpenBatchWaitsForCompany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.paced(fast, slow, slow, fast, fast, fast, fast, fast, fast),
			batcher.Options{MaxSize: 8, MinSize: 3, StrictSize: true, TargetTime: target})
		submitBehind(b, 3, 46)
		r.until(1000 * ms)
		submitAll(b, 47)
		r.expect(t, "0s idle [0 0 0]", "50ms size [1 2 3 4 5 6 7 8]", "250ms size [9 10 11 12 13 14 15 16]", "450ms size [17 18 19 20]",
			"500ms size [21 22 23 24]", "550ms size [25 26 27 28 29]", "600ms size [30 31 32 33 34 35 36]", "650ms size [37 38 39 40 41 42 43 44]",
			"1s idle [45 46 47]")
		b.Close()
	})
}

// The limit has fallen to 5, as many as they hold, and risen again.
func TestABatchThatOthersAreFilledFromKeepsMinSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.paced(fast, slow, slow, fast, fast, fast, fast), batcher.Options{MaxSize: 10, MinSize: 4, StrictSize: true, TargetTime: target})
		submitBehind(b, 4, 20)
		r.until(460 * ms)
		submitAll(b, upTo(21, 24)...)
		r.until(470 * ms)
		submitAll(b, upTo(25, 39)...)
		b.Close()
		r.expect(t, "0s idle [0 0 0 0]", "50ms size [1 2 3 4 5 6 7 8 9 10]", "250ms size [11 12 13 14 15 16 17 18 19 20]", "460ms idle [21 22 23 24]",
			"510ms size [25 26 27 28 29]", "560ms size [30 31 32 33 34 35]", "610ms size [36 37 38 39]") // the limit is 7, and 3 may not remain
	})
}

// Two of the eight in front have left, and six of those behind: fewer than MinSize
// must not remain, so both of the rest move, or none.
func TestAStrictBatchIsFilledWithAllOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hold()
		b := batcher.New(r.process, batcher.Options{MaxSize: 8, MinSize: 2, StrictSize: true, TargetTime: target})
		futures := submitBehind(b, 2, 16)
		for _, place := range []int{2, 4, 8, 9, 11, 12, 13, 15} {
			futures[place].Cancel()
		}
		r.release(2)
		r.expect(t, "0s idle [0 0]", "0s size [1 2 4 6 7 8 11 15]")
		b.Close()
	})
}

func TestAFlushedBatchIsNotFilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b, _ := halved(t)
		submitAll(b, 25, 26)
		b.Flush()
		submitAll(b, 27, 28)
		r.release(4)
		r.expect(t, append(halvedRuns, "450ms size [21 22 23 24]", "450ms manual [25 26]", "450ms idle [27 28]")...)
		b.Close()
	})
}

func TestABatchThatWasCutTellsWhenItWasOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var opened []time.Time
		b := batcher.New(func(ctx context.Context, reqs []int) ([]int, error) {
			info, _ := batcher.FromContext(ctx)
			opened = append(opened, info.Opened)
			time.Sleep(slow)
			return reqs, nil
		}, batcher.Options{MaxSize: 2, TargetTime: target})
		want := []time.Time{time.Now()}
		submitAll(b, 0)
		time.Sleep(10 * ms)
		second := time.Now()
		submitAll(b, 1, 2, 3, 4) // the limit falls to 1 before 3 and 4 run
		b.Close()
		if want = append(want, second, second, second); !slices.Equal(opened, want) {
			t.Errorf("batches were opened at %v, want %v", opened, want)
		}
	})
}

func TestAllWhoWaitForARequestThatMovesAloneGetIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.taking(func(int) time.Duration { return slow }), batcher.Options{MaxSize: 2, TargetTime: target})
		futures := submitBehind(b, 1, 8)
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { expectAnswers(t, futures, tenfold(upTo(1, 8))...) })
		}
		wg.Wait()
		r.expect(t, "0s idle [0]", "200ms size [1 2]", "400ms size [3]", "600ms size [4]", "800ms size [5]", "1s size [6]", "1.2s size [7]", "1.4s size [8]")
	})
}

func TestTheContextOfARequestThatMovesIsAskedOnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.taking(func(int) time.Duration { return slow }), batcher.Options{MaxSize: 2, TargetTime: target})
		submitBehind(b, 1, 2)
		ctx := &silent{Context: context.Background()}
		gone := b.Submit(ctx, 3)
		ctx.err = context.DeadlineExceeded
		submitAll(b, 4)
		expectErrors(t, context.DeadlineExceeded, gone)
		b.Close()
		r.expect(t, "0s idle [0]", "200ms size [1 2]", "400ms size [4]")
	})
}

// The limit has fallen to 4; 17 to 20 are taken from a full batch, and then 17
// turns out to have left.
func TestABatchRunsOnceThoughARequestThatMovedIntoItHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.paced(fast, slow, slow, fast, fast), batcher.Options{MaxSize: 8, TargetTime: target})
		submitBehind(b, 1, 16)
		ctx := &silent{Context: context.Background()}
		gone := b.Submit(ctx, 17)
		ctx.err = context.DeadlineExceeded
		others := submitAll(b, upTo(18, 24)...)
		expectErrors(t, context.DeadlineExceeded, gone)
		expectAnswers(t, others, tenfold(upTo(18, 24))...)
		b.Close()
		r.expect(t, "0s idle [0]", "50ms size [1 2 3 4 5 6 7 8]", "250ms size [9 10 11 12 13 14 15 16]", "450ms size [18 19 20]", "500ms size [21 22 23 24]")
		if s := b.Stats(); s.Batches != 5 || s.Canceled != 1 || s.Succeeded != 24 {
			t.Errorf("%+v", s)
		}
	})
}

// 29 and 30 come from Dos whose contexts never end.
func TestWhoWaitsInABatchThatIsFilledIsAskedAndTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b, _ := halved(t)
		ctx := &silent{Context: context.Background()}
		gone := b.Submit(ctx, 25)
		ctx.err = context.DeadlineExceeded
		submitAll(b, 26, 27, 28)
		for req := 29; req <= 30; req++ {
			r.later(func() (int, error) { return b.Do(context.Background(), req) })
		}
		wait := r.later(func() (int, error) { return gone.Wait(context.Background()) })
		r.release(2)
		r.expect(t, append(halvedRuns, "450ms size [21 22 23 24]", "450ms size [26 27 28 29 30]")...)
		select {
		case got := <-wait:
			if got.err != context.DeadlineExceeded {
				t.Errorf("it got %+v", got)
			}
		default:
			t.Error("it is not told while its batch runs")
		}
		r.release(1)
		b.Close()
	})
}

func TestABatchIsShownWithoutWhatHasMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record()
		b := batcher.New(r.paced(fast, slow, slow, fast, fast, fast, fast, fast, fast), batcher.Options{MaxSize: 8, TargetTime: target})
		submitBehind(b, 1, 47)
		r.until(670 * ms) // 41 to 45 have moved to the batch that runs
		shown := b.Current()
		if n := shown.Len(); n != 2 {
			t.Errorf("it holds %d", n)
		}
		results, err := shown.Results(context.Background())
		if want := []batcher.Result[int]{{Value: 460}, {Value: 470}}; !slices.Equal(results, want) || err != nil {
			t.Errorf("%v, %v", results, err)
		}
		b.Close()
	})
}

// A key holds a batch as long as one of its requests waits.
func TestKeysOfRequestsThatMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		k := batcher.NewKeyed(func(_ context.Context, _ string, reqs []int) ([]int, error) {
			if runs++; runs <= 2 {
				time.Sleep(slow)
			} else {
				time.Sleep(fast)
			}
			return tenfold(reqs), nil
		}, batcher.Options{MaxSize: 8, TargetTime: target})
		futures := append(submitKey(k, "a", upTo(1, 40)...), submitKey(k, "b", upTo(41, 70)...)...)
		expectAnswers(t, futures, tenfold(upTo(1, 70))...)
		synctest.Wait()
		if n := k.Len(); n != 0 {
			t.Errorf("%d keys hold a batch", n)
		}
		k.Close()
	})
}

func TestOnlyAsMuchMovesAsMaxWeightLets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		b := batcher.New(func(_ context.Context, reqs []parcel) ([]int, error) {
			sizes = append(sizes, len(reqs))
			if n := len(sizes); n == 2 || n == 3 {
				time.Sleep(slow)
			} else {
				time.Sleep(fast)
			}
			return make([]int, len(reqs)), nil
		}, batcher.Options{MaxSize: 8, MaxWeight: 16, TargetTime: target})
		b.Submit(context.Background(), 1)
		synctest.Wait()
		for i, weight := range []parcel{1, 1, 2, 0, 2, 2} { // of all in a batch of 8
			for place := range 8 {
				if i == 3 { // a limit of 6 parts them
					weight = []parcel{1, 1, 1, 1, 1, 1, 5, 5}[place]
				}
				b.Submit(context.Background(), weight)
			}
		}
		b.Close()
		if want := []int{1, 8, 8, 4, 4, 6, 2 + 3, 5 + 3, 5}; !slices.Equal(sizes, want) {
			t.Errorf("batches of %v, want %v", sizes, want)
		}
	})
}

// Five of the seven in the open batch have moved to the one that runs.
func TestWhatHasMovedLeavesRoomUnderMaxWeight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		took := []time.Duration{fast, slow, slow, fast, fast, fast, fast, fast, fast, fast}
		b := batcher.New(func(_ context.Context, reqs []parcel) ([]int, error) {
			time.Sleep(took[len(sizes)])
			sizes = append(sizes, len(reqs))
			return make([]int, len(reqs)), nil
		}, batcher.Options{MaxSize: 8, MaxWeight: 8, TargetTime: target})
		b.Submit(context.Background(), 1)
		synctest.Wait()
		for range 47 {
			b.Submit(context.Background(), 1)
		}
		time.Sleep(670 * ms)
		b.Submit(context.Background(), 6)
		b.Close()
		if want := []int{1, 8, 8, 4, 4, 6, 7, 8, 3}; !slices.Equal(sizes, want) {
			t.Errorf("batches of %v, want %v", sizes, want)
		}
	})
}

func TestWhatMaxWeightLeavesHoldsMinSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		took, sizes := slow, []int(nil)
		b := batcher.New(func(_ context.Context, reqs []parcel) ([]int, error) {
			sizes = append(sizes, len(reqs))
			time.Sleep(took)
			return make([]int, len(reqs)), nil
		}, batcher.Options{MaxSize: 64, MinSize: 4, StrictSize: true, MaxWeight: 100, TargetTime: target})
		for b.Stats().SizeLimit != 4 {
			for range 64 {
				b.Submit(context.Background(), 1)
			}
			time.Sleep(time.Minute)
		}
		if rest := b.Current(); rest != nil {
			rest.Cancel() // with them the first batches would be other than the weights below have it
		}
		took = fast
		for range 40 {
			for _, weight := range []parcel{20, 20, 20, 20, 10, 10, 10, 10, 85, 5, 5, 5} {
				b.Submit(context.Background(), weight)
			}
		}
		b.Close()
		if slices.Min(sizes) < 4 {
			t.Errorf("batches of %v", sizes)
		}
	})
}

// The limit has fallen while the batch waited for a slot, to what it holds or
// below.
func TestAddAtTheLimit(t *testing.T) {
	for _, holds := range []int{4, 6} {
		synctest.Test(t, func(t *testing.T) {
			r := record()
			b := batcher.New(r.paced(fast, slow, slow, slow, fast, fast, fast, fast, fast, fast), batcher.Options{MaxSize: 8, TargetTime: target})
			submitBehind(b, 1, 24+holds)
			r.until(500 * ms)
			_, err := b.Current().Add(context.Background(), 31)
			if want := fmt.Sprintf("batcher: full: the batch holds %d, the limit for TargetTime is 4", holds); !errors.Is(err, batcher.ErrFull) || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
			b.Close()
		})
	}
}
