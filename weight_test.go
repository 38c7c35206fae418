package batcher_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
)

// parcel is a request that weighs what it says.
type parcel int

func (p parcel) Weight() int { return int(p) }

// shipment notes batches of requests of any type as "trigger weight [requests]".
func shipment[Req any](notes *[]string) batcher.Func[Req, Req] {
	return func(ctx context.Context, reqs []Req) ([]Req, error) {
		info, _ := batcher.FromContext(ctx)
		*notes = append(*notes, fmt.Sprint(info.Trigger, " ", info.Weight, " ", reqs))
		return reqs, nil
	}
}

// ship submits all requests at once to a Batcher of one slot and gives its batches.
func ship[Req any](opts batcher.Options, reqs ...Req) string {
	var notes []string
	b := batcher.New(shipment[Req](&notes), opts)
	for _, req := range reqs {
		b.Submit(context.Background(), req)
	}
	synctest.Wait()
	b.Close()
	return strings.Join(notes, ", ")
}

func TestMaxWeight(t *testing.T) {
	hour := batcher.Options{MaxWeight: 10, Delay: time.Hour}
	sized := batcher.Options{MaxWeight: 10, MaxSize: 2, Delay: time.Hour}
	strict := batcher.Options{MaxWeight: 10, MinSize: 3, StrictSize: true}
	for _, c := range []struct {
		name string
		opts batcher.Options
		reqs []parcel
		want string
	}{
		{"what fills it exactly starts it", hour, []parcel{4, 6}, "weight 10 [4 6]"},
		{"one request may fill it", hour, []parcel{10}, "weight 10 [10]"},
		{"what would overflow it starts it and opens the next", hour, []parcel{4, 5, 2}, "weight 9 [4 5], close 2 [2]"},
		{"what overflows it may fill the next", hour, []parcel{4, 10, 1}, "weight 4 [4], weight 10 [10], close 1 [1]"},
		{"weight zero fits a batch that is nearly full", hour, []parcel{9, 0, 1}, "weight 10 [9 0 1]"},
		{"negative weight counts as zero", hour, []parcel{9, -5, 1}, "weight 10 [9 -5 1]"},
		{"size before weight", sized, []parcel{4, 6}, "size 10 [4 6]"},
		{"a batch below strict MinSize that could not grow", strict, []parcel{6, 5, 1, 1}, "weight 6 [6], idle 7 [5 1 1]"},
		{"no limit by default", batcher.Options{Delay: time.Hour}, []parcel{1 << 29, 1 << 29}, "close 1073741824 [536870912 536870912]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if got := ship(c.opts, c.reqs...); got != c.want {
					t.Errorf("got %s, want %s", got, c.want)
				}
			})
		})
	}
}

func TestWithoutWeigherARequestWeighsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, opts := range []batcher.Options{{MaxWeight: 3, Delay: time.Hour}, {MaxWeight: 3, Manual: true}} {
			if got, want := ship(opts, "a", "b", "c", "d"), "weight 3 [a b c], close 1 [d]"; got != want {
				t.Errorf("%+v: got %s, want %s", opts, got, want)
			}
		}
		opts := batcher.Options{MaxWeight: 2, Delay: time.Hour}
		if got, want := ship[any](opts, "a", parcel(2), "b", "c"), "weight 1 [a], weight 2 [2], weight 2 [b c]"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// tally is a request that counts how often it is asked for its weight.
type tally struct{ asked *int }

func (r tally) Weight() int { *r.asked++; return 1 }

// By the goroutine that hands it in: the race detector watches that no other asks.
func TestARequestIsAskedOnceForItsWeight(t *testing.T) {
	ctx := context.Background()
	fn := func(_ context.Context, reqs []tally) ([]int, error) { return make([]int, len(reqs)), nil }
	for _, opts := range []batcher.Options{{}, {MaxWeight: 3, MaxPending: 1}, {MaxSize: 2, MinSize: 2, StrictSize: true}, {MaxSize: 2, TargetTime: 1}} {
		for name, enter := range map[string]func(*batcher.Batcher[tally, int], tally){
			"Do":        func(b *batcher.Batcher[tally, int], req tally) { b.Do(ctx, req) },
			"Submit":    func(b *batcher.Batcher[tally, int], req tally) { b.Submit(ctx, req) },
			"TrySubmit": func(b *batcher.Batcher[tally, int], req tally) { b.TrySubmit(ctx, req) },
			"Cancel":    func(b *batcher.Batcher[tally, int], req tally) { b.Submit(ctx, req).Cancel() },
		} {
			synctest.Test(t, func(t *testing.T) {
				b := batcher.New(fn, opts)
				asked := make([]int, 5)
				for i := range asked {
					go enter(b, tally{&asked[i]})
				}
				synctest.Wait()
				b.Close()
				synctest.Wait()
				if !slices.Equal(asked, []int{1, 1, 1, 1, 1}) {
					t.Errorf("%s, %+v: they were asked %v times", name, opts, asked)
				}
			})
		}
	}
	b := batcher.NewBatch(fn, batcher.BatchOptions{MaxSize: 1})
	asked := make([]int, 2)
	for i := range asked {
		b.Add(ctx, tally{&asked[i]}) // the second finds no room
	}
	b.Start()
	b.Results(ctx)
	if !slices.Equal(asked, []int{1, 1}) {
		t.Errorf("Add: they were asked %v times", asked)
	}
}

func TestTooHeavyRequestFailsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var notes []string
		b := batcher.New(shipment[parcel](&notes), batcher.Options{MaxWeight: 10, Delay: time.Hour})
		ctx := context.Background()
		b.Submit(ctx, 4)
		_, doErr := b.Do(ctx, 11)
		_, submitErr := b.Submit(ctx, 12).Wait(ctx)
		_, tryErr := b.TrySubmit(ctx, 13).Wait(ctx)
		for i, err := range []error{doErr, submitErr, tryErr} {
			if !errors.Is(err, batcher.ErrTooHeavy) || !strings.Contains(err.Error(), fmt.Sprint(11+i)) || !strings.Contains(err.Error(), "MaxWeight is 10") {
				t.Errorf("weight %d: %v", 11+i, err)
			}
		}
		b.Submit(ctx, 6) // the batch is as it was

		synctest.Wait()
		if got, want := strings.Join(notes, ", "), "weight 10 [4 6]"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if s := b.Stats(); s.Submitted != 2 || s.Rejected != 3 {
			t.Errorf("%+v", s)
		}
	})
}

func TestInfoWeighsWhatFuncGets(t *testing.T) {
	for _, strict := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var notes []string
			b := batcher.New(shipment[parcel](&notes), batcher.Options{MaxWeight: 10, Delay: time.Hour, StrictSize: strict})
			b.Submit(context.Background(), 3)
			b.Submit(context.Background(), 4).Cancel()
			b.Submit(context.Background(), 2)
			b.Close()
			if got, want := strings.Join(notes, ", "), "close 5 [3 2]"; got != want {
				t.Errorf("StrictSize %t: got %s, want %s", strict, got, want)
			}
		})
	}
}

// Where StrictSize takes it off MaxSize, it is taken off MaxWeight too.
func TestTheWithdrawnMakeRoomUnderMaxWeightWhereStrict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var notes []string
		b := batcher.New(shipment[parcel](&notes), batcher.Options{MaxWeight: 10, MinSize: 3, StrictSize: true})
		b.Submit(context.Background(), 4)
		b.Submit(context.Background(), 5).Cancel()
		b.Submit(context.Background(), 1)
		b.Submit(context.Background(), 3)
		synctest.Wait()
		if got, want := strings.Join(notes, ", "), "idle 8 [4 1 3]"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// It is full, though it was due before and only waited for a slot.
func TestABatchBehindARunIsFullByWeight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var notes []string
		note, end := shipment[parcel](&notes), make(chan struct{})
		b := batcher.New(func(ctx context.Context, reqs []parcel) ([]parcel, error) {
			<-end
			return note(ctx, reqs)
		}, batcher.Options{MaxWeight: 10})
		b.Submit(context.Background(), 1)
		synctest.Wait() // it runs
		b.Submit(context.Background(), 4)
		b.Submit(context.Background(), 6)
		if b.Current() != nil {
			t.Error("a batch that holds MaxWeight still collects")
		}
		close(end)
		b.Close()
		if got, want := strings.Join(notes, ", "), "idle 1 [1], weight 10 [4 6]"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// It counts for MaxWeight, as it does for MaxSize, also after the batch has run.
func TestAWithdrawnRequestLeavesABatchFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var notes []string
		for _, opts := range []batcher.BatchOptions{{MaxSize: 2}, {MaxWeight: 10}} {
			b := batcher.NewBatch(shipment[parcel](&notes), opts)
			f, _ := b.Add(context.Background(), 4)
			b.Add(context.Background(), 6)
			f.Cancel()
			before := b.Full()
			b.Start()
			<-b.Done()
			if !before || !b.Full() || b.Len() != 2 {
				t.Errorf("%+v: full %t and then %t, %d requests", opts, before, b.Full(), b.Len())
			}
		}
		if got, want := strings.Join(notes, ", "), "manual 6 [6], manual 6 [6]"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// Without MaxWeight no weight is too much.
func TestWeightsThatAddUpToMoreThanAnInt(t *testing.T) {
	const half = math.MaxInt/2 + 1
	synctest.Test(t, func(t *testing.T) {
		var notes []string
		b := batcher.NewBatch(shipment[parcel](&notes), batcher.BatchOptions{StartWhenFull: true})
		for range 3 {
			if _, err := b.Add(context.Background(), half); err != nil || b.Full() {
				t.Errorf("%v, Full is %t", err, b.Full())
			}
		}
		b.Start()
		<-b.Done()
		c := batcher.New(shipment[parcel](&notes), batcher.Options{Manual: true})
		c.Submit(context.Background(), half)
		c.Submit(context.Background(), half).Cancel()
		c.Submit(context.Background(), half-1)
		c.Close()
		want := fmt.Sprintf("manual %d [%d %[2]d %[2]d], close %[1]d [%[2]d %[3]d]", math.MaxInt, half, half-1)
		if got := strings.Join(notes, ", "); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}
