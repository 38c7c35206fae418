package e2e_test

import (
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/load"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/oracle"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/proc"
)

func runs(b oracle.Book) int {
	n := 0
	for _, r := range b {
		n += len(r.Runs)
	}
	return n
}

func TestWorkerKilledMidBatch(t *testing.T) {
	t.Parallel()
	args := load.WorkerArgs{MaxSize: 16, Takes: 20 * time.Millisecond, MaxDeliveries: 20}
	r, _ := startRig(t)
	r.queue.AckWait = 500 * time.Millisecond
	workers := []*proc.Process{r.worker(args), r.worker(args)}
	fe := r.frontEnd()
	do := begin(fe, "Do", load.Load{Prefix: "do", Callers: 16})
	submit := begin(fe, "Submit", load.Load{Prefix: "submit", Callers: 8, Wait: true})
	for i := range count(6, 20) {
		before := runs(r.book())
		r.until("the load goes on", func(b oracle.Book) bool { return runs(b) >= before+40 })
		workers[i%2].Kill()
		workers[i%2] = r.worker(args)
	}
	sums := stop(t, []*proc.Process{fe}, []*running{do, submit})
	for _, sum := range sums {
		if sum.Answered != sum.Sent {
			t.Errorf("%+v", sum)
		}
	}
	b := r.book()
	if err := b.AllAnswered(); err != nil {
		t.Error(err)
	}
	t.Logf("%v; slowest: Do %v, Submit and Wait %v", b, sums[0].Latency.Max, sums[1].Latency.Max)
}

func TestWorkerStoppedMidBatch(t *testing.T) {
	t.Parallel()
	const takes = 100 * time.Millisecond
	args := load.WorkerArgs{MaxSize: 16, Takes: takes}
	r, _ := startRig(t)
	r.queue.AckWait = never // what waits for it is seen
	first := r.worker(args)
	fe := r.frontEnd()
	do := begin(fe, "Do", load.Load{Prefix: "do", Callers: 64})
	r.ran(100)
	r.worker(args)
	r.ran(200)
	if err := first.Terminate(); err != nil {
		t.Fatal(err)
	}
	if err := first.Wait(); err != nil {
		t.Error(err)
	}
	r.ran(len(r.book()) + 100)
	sums := stop(t, []*proc.Process{fe}, []*running{do})
	if sums[0].Answered != sums[0].Sent {
		t.Errorf("%+v", sums[0])
	}
	b := r.book()
	if err := b.AllAnswered(); err != nil {
		t.Error(err)
	}
	// 64 callers and batches of 16 that take 100 ms: one worker alone answers
	// a caller after at most five batches.
	if limit := 5*takes + 200*time.Millisecond; sums[0].Latency.Max > limit+machine {
		t.Errorf("somebody waited for %v, want at most %v", sums[0].Latency.Max, limit)
	}
	if n := runs(b) - len(b); n > 0 {
		t.Errorf("%d requests ran again", n)
	}
	t.Logf("%v; slowest %v", b, sums[0].Latency.Max)
}

// machine is what a busy machine may add to any time.
const machine = 3 * time.Second

func TestLongWorkIsNotRedelivered(t *testing.T) {
	t.Parallel()
	r, _ := startRig(t)
	args := load.WorkerArgs{Takes: 3 * r.queue.AckWait}
	r.worker(args)
	r.worker(args) // would take what the other is thought to have lost
	fe := r.frontEnd()
	sum := call[load.Summary](t, fe, "Do", load.Load{Prefix: "do", Count: 10, Callers: 10})
	if sum.Answered != 10 {
		t.Errorf("%+v", sum)
	}
	b := r.book()
	if err := b.AllAnswered(); err != nil {
		t.Error(err)
	}
	if n := runs(b); n != 10 {
		t.Errorf("10 requests ran %d times", n)
	}
}

func TestFrozenWorkersLateResultIsRefused(t *testing.T) {
	t.Parallel()
	r, _ := startRig(t)
	frozen := r.worker(load.WorkerArgs{Takes: 300 * time.Millisecond})
	fe := r.frontEnd()
	submit := begin(fe, "Submit", load.Load{Prefix: "s", Count: 10, Callers: 10, Wait: true})
	do := begin(fe, "Do", load.Load{Prefix: "d", Count: 10, Callers: 10})
	r.ran(1)
	if err := frozen.Freeze(); err != nil {
		t.Fatal(err)
	}
	r.worker(load.WorkerArgs{})
	if sum := submit.end(t); sum.Answered != 10 {
		t.Errorf("Submit: %+v", sum)
	}
	if sum := do.end(t); sum.Answered != 10 {
		t.Errorf("Do: %+v", sum)
	}
	before := r.book()
	if err := frozen.Thaw(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(500 * time.Millisecond) // for the zombie to say what it has
	other := r.frontEnd()
	b := r.collect(other)
	if err := b.AllAnswered(); err != nil { // also if the zombie's result is seen now
		t.Error(err)
	}
	twice := b.Count(func(r *oracle.Request) bool { return len(r.Runs) > 1 })
	if twice == 0 {
		t.Error("nothing was redelivered")
	}
	t.Logf("%v; before the thaw %v", b, before)
}
