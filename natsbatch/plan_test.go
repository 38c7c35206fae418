package natsbatch_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
)

const linger = 5 * time.Millisecond

func wantPull(t *testing.T, what string, got, want *natsbatch.Pull) {
	t.Helper()
	if got == nil || want == nil {
		if got != want {
			t.Errorf("%s: got %+v, want %+v", what, got, want)
		}
		return
	}
	if *got != *want {
		t.Errorf("%s: got %+v, want %+v", what, *got, *want)
	}
}

func TestAnIdleWorkerStandsInLineForOneMessage(t *testing.T) {
	l := natsbatch.NewLane(64, 1, linger, 4)
	first, top := l.Plan(0)
	wantPull(t, "first", first, &natsbatch.Pull{Batch: 1, Expires: 500 * time.Millisecond, Priority: 5})
	wantPull(t, "top-up", top, nil)
	first, top = l.Plan(0)
	wantPull(t, "again", first, nil)
	wantPull(t, "again", top, nil)
}

func TestABatchThatFillsIsToppedUpBeforeAnyOther(t *testing.T) {
	l := natsbatch.NewLane(64, 2, linger)
	l.Plan(0)
	l.Arrive(1, false, false, 0)
	l.Sleep(2 * time.Millisecond)
	first, top := l.Plan(0)
	wantPull(t, "first", first, nil)
	wantPull(t, "top-up", top, &natsbatch.Pull{Batch: 63, Expires: 3 * time.Millisecond, Priority: 0})

	l.Arrive(3, true, false, 0)
	_, top = l.Plan(0)
	wantPull(t, "while one waits", top, nil)
}

func TestAFullBatchIsNotToppedUp(t *testing.T) {
	l := natsbatch.NewLane(4, 2, linger)
	l.Plan(0)
	l.Arrive(4, false, false, 0)
	first, top := l.Plan(0)
	wantPull(t, "top-up", top, nil)
	wantPull(t, "first, for the second slot", first, &natsbatch.Pull{Batch: 1, Expires: 500 * time.Millisecond, Priority: 2})
}

func TestAWorkerTakesNoMoreThanItCanRun(t *testing.T) {
	l := natsbatch.NewLane(4, 1, 0)
	l.Plan(0)
	l.Arrive(4, false, false, 0)
	first, _ := l.Plan(0)
	wantPull(t, "with all slots taken", first, nil)
	l.Free(4)
	first, _ = l.Plan(0)
	wantPull(t, "with one free", first, &natsbatch.Pull{Batch: 1, Expires: 500 * time.Millisecond, Priority: 2})
}

func TestABacklogIsTakenInBatchesAndOneAhead(t *testing.T) {
	l := natsbatch.NewLane(64, 1, 0)
	l.Plan(0)
	l.Arrive(1, false, true, 0)
	first, _ := l.Plan(0)
	wantPull(t, "first", first, &natsbatch.Pull{Batch: 127, Expires: 200 * time.Millisecond, NoWait: true, Priority: 2})
}

// Where Func is quick, one batch is gone before the server answers a pull.
func TestOfABacklogAsMuchIsTakenAheadAsRunsInAFewMilliseconds(t *testing.T) {
	for run, ahead := range map[time.Duration]int{0: 64, time.Hour: 64, 5 * time.Millisecond: 2 * 64, 2 * time.Millisecond: 2 * 160, time.Nanosecond: 2 * 256} {
		l := natsbatch.NewLane(64, 2, 0)
		l.Runs(run)
		l.Plan(0)
		l.Arrive(1, false, true, 0)
		first, _ := l.Plan(0)
		wantPull(t, "where Func takes "+run.String(), first, &natsbatch.Pull{Batch: 2*64 - 1 + ahead, Expires: 200 * time.Millisecond, NoWait: true, Priority: 2})
	}
}

func TestABacklogIsTakenWhileABatchFills(t *testing.T) {
	l := natsbatch.NewLane(64, 1, linger)
	l.Plan(0)
	l.Arrive(1, false, true, 0)
	first, top := l.Plan(0)
	wantPull(t, "top-up", top, &natsbatch.Pull{Batch: 63, Expires: linger, Priority: 0})
	wantPull(t, "first", first, &natsbatch.Pull{Batch: 64, Expires: 200 * time.Millisecond, NoWait: true, Priority: 2})
	first, top = l.Plan(0)
	wantPull(t, "top-up, while it waits", top, nil)
	wantPull(t, "first, while it waits", first, nil)
	l.Arrive(63, true, false, 0)
	first, _ = l.Plan(0)
	wantPull(t, "first, with the backlog gone", first, nil)
}

// What is full fills no more: the next message opens another batch, which is topped up.
func TestTheBatchAfterAFullOneIsToppedUp(t *testing.T) {
	l := natsbatch.NewLane(4, 2, linger)
	l.Plan(0)
	for range 5 {
		l.Sleep(time.Millisecond)
		l.Arrive(1, false, false, 0)
	}
	_, top := l.Plan(0)
	wantPull(t, "top-up", top, &natsbatch.Pull{Batch: 3, Expires: linger, Priority: 0})
}

// A worker that stops hands back what it brings, and must not wait for it for long.
func TestATopUpDoesNotWaitForLong(t *testing.T) {
	l := natsbatch.NewLane(4, 1, time.Minute)
	l.Plan(0)
	l.Arrive(1, false, false, 0)
	_, top := l.Plan(0)
	wantPull(t, "top-up", top, &natsbatch.Pull{Batch: 3, Expires: 200 * time.Millisecond, Priority: 0})
}

// What the batch that fills may need is not taken for the next one too.
func TestOfABacklogNoMoreIsTakenThanMayBeAhead(t *testing.T) {
	for first, want := range map[int]*natsbatch.Pull{63: {Batch: 1, Expires: 200 * time.Millisecond, NoWait: true, Priority: 2}, 64: nil} {
		l := natsbatch.NewLane(64, 1, linger)
		l.Runs(time.Second)
		l.Plan(0)
		for range first {
			l.Arrive(1, false, true, 0)
		}
		l.Sleep(2 * linger) // it waits for the slot
		for range 10 {
			l.Arrive(1, false, true, 0)
		}
		got, top := l.Plan(0)
		wantPull(t, "top-up", top, &natsbatch.Pull{Batch: 54, Expires: linger, Priority: 0})
		wantPull(t, fmt.Sprintf("first, after a batch of %d", first), got, want)
	}
}

func TestAWorkerWithoutLimitsPullsWhatTheInboxHolds(t *testing.T) {
	l := natsbatch.NewLane(math.MaxInt, math.MaxInt, 0)
	l.Plan(0)
	l.Arrive(1, false, true, 0)
	first, _ := l.Plan(0)
	wantPull(t, "first", first, &natsbatch.Pull{Batch: 1024, Expires: 200 * time.Millisecond, NoWait: true, Priority: 2})
}

// Whoever sends them may change: the latest count most.
func TestPullsFollowTheSizeOfMessages(t *testing.T) {
	l := natsbatch.NewLane(64, 4, 0)
	l.Plan(0)
	l.Arrive(32, false, true, 0)
	l.Arrive(1, false, true, 0)
	first, _ := l.Plan(0)
	wantPull(t, "after one that is small", first, &natsbatch.Pull{Batch: 10, Expires: 200 * time.Millisecond, NoWait: true, Priority: 2}) // 287 requests, of 28.1 each
	l.EndFirst()
	for range 40 {
		l.Arrive(1, false, true, 0)
	}
	l.Free(73)
	if first, _ = l.Plan(0); first == nil || first.Batch < 250 {
		t.Errorf("after many that are small: %+v", first)
	}
}

// A message carries many requests: what is asked for is messages.
func TestPullsCountMessages(t *testing.T) {
	l := natsbatch.NewLane(64, 4, 0)
	l.Plan(0)
	l.Arrive(32, false, true, 0)
	first, _ := l.Plan(0)
	wantPull(t, "first", first, &natsbatch.Pull{Batch: (4*64 - 32 + 64) / 32, Expires: 200 * time.Millisecond, NoWait: true, Priority: 2})
}

// fill has n messages arrive in one window.
func fill(l *natsbatch.Lane, n, others int) {
	for i := range n {
		l.Arrive(1, i > 0, false, others)
	}
	l.Sleep(2 * linger)
	l.Free(n)
	l.EndFirst()
	l.EndTop()
}

func TestWhereThereIsTrafficTheFirstPullCoversTheGap(t *testing.T) {
	l := natsbatch.NewLane(64, 1, linger)
	for range 20 {
		fill(l, 10, 0)
	}
	first, _ := l.Plan(0)
	if first == nil || first.Batch < 10 || first.Batch > 20 {
		t.Errorf("with 10 messages a batch: %+v, want a pull of 10 to 20", first)
	}
	l.EndFirst()
	l.Runs(2 * linger)
	if again, _ := l.Plan(0); again == nil || *again != *first {
		t.Errorf("where Func takes as long as two batches fill: %+v, want %+v still", again, first)
	}
	l.EndFirst()
	l.Runs(2*linger + 1)
	first, _ = l.Plan(0)
	wantPull(t, "where Func takes longer", first, &natsbatch.Pull{Batch: 1, Expires: 500 * time.Millisecond, Priority: 2})
}

func TestWorkersWhoseBatchesCollideMoveApart(t *testing.T) {
	l := natsbatch.NewLane(64, 1, linger, 2, 0, 0, 6, 1, 0, 0, 0)
	l.Plan(0)
	if l.Rank() != 3 {
		t.Fatalf("rank %d, want 3", l.Rank())
	}
	fill(l, 10, 1) // another one got as much
	fill(l, 10, 1)
	if l.Rank() != 9 {
		t.Errorf("after a collision: rank %d, want 9, the last", l.Rank())
	}
	fill(l, 10, 1)
	if l.Rank() != 7 {
		t.Errorf("after a collision at the last rank: rank %d, want 7", l.Rank())
	}
	fill(l, 10, 0)
	fill(l, 10, 0)
	if l.Rank() != 7 {
		t.Errorf("alone: rank %d, want 7 still", l.Rank())
	}
	fill(l, 2, 0)
	fill(l, 2, 1) // of three, which are no traffic
	fill(l, 1, 0)
	if l.Rank() != 7 {
		t.Errorf("where little comes: rank %d, want 7 still", l.Rank())
	}
	for n := range 10 { // one of ten goes to another
		l.Arrive(1, false, false, n/9)
	}
	l.Sleep(2 * linger)
	fill(l, 1, 0)
	if l.Rank() != 7 {
		t.Errorf("with most of the traffic: rank %d, want 7 still", l.Rank())
	}
}

// The server takes no others, and the last is for those who have left theirs.
func TestRanksAreOneToEight(t *testing.T) {
	for roll := range 30 {
		l := natsbatch.NewLane(64, 1, linger, roll)
		l.Plan(0)
		if l.Rank() != 1+roll%8 {
			t.Errorf("roll %d: rank %d, want %d", roll, l.Rank(), 1+roll%8)
		}
	}
}

func TestUrgentRequestsGoFirstButNotAlone(t *testing.T) {
	l := natsbatch.NewLane(4, 1, 0)
	first, _ := l.Plan(4)
	wantPull(t, "while urgent ones fill the slots", first, nil)
	l.Starve(7)
	first, _ = l.Plan(4)
	wantPull(t, "after 7 batches of them", first, nil)
	l.Starve(1)
	first, _ = l.Plan(4)
	wantPull(t, "after 8 batches of them", first, &natsbatch.Pull{Batch: 1, Expires: 500 * time.Millisecond, Priority: 2})
}

// Else they would never wait again once they have.
func TestLessUrgentRequestsThatHadTheirTurnWaitAgain(t *testing.T) {
	l := natsbatch.NewLane(4, 1, 0)
	l.Starve(8)
	l.Plan(4)
	l.Arrive(1, false, false, 0)
	l.Free(1)
	first, _ := l.Plan(4)
	wantPull(t, "after their turn", first, nil)
}

// What a top-up brings beyond that would wait, although another worker may be idle; and one
// that does not expire would bring it whenever it comes.
func TestATopUpBringsWhatCanRunUntilItsBatchStarts(t *testing.T) {
	l := natsbatch.NewLane(8, 1, linger)
	l.Plan(0)
	for range 3 {
		l.Arrive(2, false, false, 0)
	}
	l.Sleep(linger) // it runs
	if _, top := l.Plan(0); top != nil {
		t.Errorf("for a batch that has started: %+v", *top)
	}
	l.Arrive(1, false, false, 0)
	_, top := l.Plan(0)
	if top == nil || top.Batch != 1 || top.Expires > linger {
		t.Errorf("with room for one: %+v", top)
	}
}

// The server takes a pull for none for one for one, and a pull for more than the inbox can
// hold loses what it brings.
func TestAPullIsForOneMessageAtLeastAndNotForMoreThanTheInboxHolds(t *testing.T) {
	for _, c := range []struct{ size, had, want int }{{1 << 20, 1, 1024}, {256, 250, 1}} {
		l := natsbatch.NewLane(c.size, 1, 0)
		l.Runs(time.Nanosecond)
		l.Plan(0)
		l.Arrive(c.had, false, true, 0)
		if c.want == 1 { // all of the room but one is taken
			l.Free(c.had + 1 - 5*c.size)
		}
		first, _ := l.Plan(0)
		if first == nil || first.Batch != c.want {
			t.Errorf("%+v: %+v", c, first)
		}
	}
}

// Where there is traffic a worker always has pulls waiting, for no more than it can run.
func TestWhereThereIsTrafficHalfOfAPullIsReplaced(t *testing.T) {
	l := natsbatch.NewLane(16, 1, linger)
	for range 20 {
		fill(l, 10, 0)
	}
	first, _ := l.Plan(0)
	wantPull(t, "first", first, &natsbatch.Pull{Batch: 16, Expires: 200 * time.Millisecond, Priority: 2})
	for range 8 {
		l.Arrive(1, false, false, 0)
		l.Free(1)
	}
	first, _ = l.Plan(0)
	wantPull(t, "with half of it left", first, &natsbatch.Pull{Batch: 8, Expires: 200 * time.Millisecond, Priority: 2})
	first, _ = l.Plan(0)
	wantPull(t, "with all of it left", first, nil)
}

// The deliveries of a consumer that is made again are counted from one again.
func TestAConsumerThatIsMadeAgainIsPulledFrom(t *testing.T) {
	l := natsbatch.NewLane(64, 1, linger)
	for range 20 {
		fill(l, 10, 0)
	}
	l.Arrive(1, false, false, 0)
	l.Arrive(1, false, false, -100)
	l.Sleep(2 * linger)
	l.Arrive(1, false, false, 0)
	l.Free(3)
	l.EndFirst()
	first, _ := l.Plan(0)
	wantPull(t, "afterwards", first, &natsbatch.Pull{Batch: 64, Expires: 200 * time.Millisecond, Priority: 2})
}

// Those that a worker has when it dies are suspected.
func TestSuspectsComeOneMessageAtATime(t *testing.T) {
	l := natsbatch.NewLane(64, 4, linger)
	if !l.PlanOne() || l.PlanOne() {
		t.Error("want one pull")
	}
	l.Arrive(1, false, true, 0)
	if l.PlanOne() {
		t.Error("a pull while one is not settled")
	}
	if l.Free(1); !l.PlanOne() {
		t.Error("no pull when it is")
	}
}

func TestAPullOfWhichNothingIsHeardIsGivenUp(t *testing.T) {
	l := natsbatch.NewLane(4, 1, 0)
	l.Plan(0)
	if first, _ := l.Plan(0); first != nil {
		t.Fatalf("two at once: %+v", first)
	}
	const answered = time.Second // it waits for half of that, and its answer may be late
	if next, waits := l.Lose(); !waits || next != answered {
		t.Errorf("lost in %v, %t, want in %v", next, waits, answered)
	}
	l.Sleep(answered)
	if _, waits := l.Lose(); !waits || l.Refused() != "" {
		t.Errorf("given up before its time: waits %t, refused: %q", waits, l.Refused())
	}
	l.Sleep(time.Millisecond)
	if _, waits := l.Lose(); waits || l.Refused() != "nobody answers" {
		t.Errorf("when its time is over: waits %t, refused: %q", waits, l.Refused())
	}
	if first, _ := l.Plan(0); first == nil {
		t.Error("no other pull is sent")
	}
}

func TestWhatNobodyAnswersIsGivenUpInTurn(t *testing.T) {
	l := natsbatch.NewLane(64, 1, linger)
	l.Plan(0)
	l.Arrive(1, false, true, 0)
	if first, top := l.Plan(0); first == nil || top == nil {
		t.Fatalf("got %+v and %+v, want two pulls", first, top)
	}
	const top, first = linger + 500*time.Millisecond, 700 * time.Millisecond
	if next, waits := l.Lose(); !waits || next != top {
		t.Errorf("lost in %v, %t, want in %v", next, waits, top)
	}
	l.Sleep(top + 1)
	if next, waits := l.Lose(); !waits || next != first-top-1 {
		t.Errorf("after one was lost: in %v, %t, want in %v", next, waits, first-top-1)
	}
	l.Sleep(first - top)
	if _, waits := l.Lose(); waits {
		t.Error("one waits for ever")
	}
}

// 64, 16, 4, 1: who may have killed a process is alone in its last run.
func TestSuspectsRunInSmallerBatches(t *testing.T) {
	for _, c := range []struct {
		size, runs int
		want       []int
	}{
		{64, 4, []int{64, 16, 4, 1, 1}},
		{256, 4, []int{256, 40, 6, 1}},
		{64, 2, []int{64, 1}},
		{1, 4, []int{1, 1, 1, 1}},
		{10, 3, []int{10, 3, 1}},
	} {
		for suspect, want := range c.want {
			if got := natsbatch.BatchSize(c.size, suspect, c.runs); got != want {
				t.Errorf("size %d, %d runs, suspected %d times: got %d, want %d", c.size, c.runs, suspect, got, want)
			}
		}
	}
}
