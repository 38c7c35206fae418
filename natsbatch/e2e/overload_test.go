package e2e_test

import (
	"slices"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/load"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/oracle"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/proc"
)

func TestFullQueueRefusesAtOnce(t *testing.T) {
	t.Parallel()
	r, _ := startRig(t)
	r.queue.MaxMessages = 20
	fe := r.frontEnd()
	sum := call[load.Summary](t, fe, "Submit", load.Load{Prefix: "s", Count: 500, Callers: 4})
	if sum.Full == 0 || sum.Acked == 0 || sum.Full+sum.Acked != sum.Sent {
		t.Errorf("%+v", sum)
	}
	if sum.Refusal.P50 > 50*time.Millisecond || sum.Refusal.Max > machine {
		t.Errorf("a refusal took %+v, want at most 50ms", sum.Refusal)
	}
	do := call[load.Summary](t, fe, "Do", load.Load{Prefix: "d", Count: 10})
	if do.Full != 10 {
		t.Errorf("Do: %+v", do)
	}
	r.worker(load.WorkerArgs{})
	b := r.collect(fe)
	if err := b.Check(); err != nil {
		t.Error(err)
	}
	if answered := answers(b); answered != sum.Acked {
		t.Errorf("%d were acknowledged and %d answered", sum.Acked, answered)
	}
	t.Logf("%d acknowledged, %d refused in %+v; %v", sum.Acked, sum.Full, sum.Refusal, b)
}

func TestExpiredRequestsNeverRun(t *testing.T) {
	t.Parallel()
	const n = 200
	r, _ := startRig(t)
	r.queue.AckWait = never
	fe := r.frontEnd()
	late := load.Load{Prefix: "late", Count: n, Callers: n, Deadline: 2 * time.Second} // long enough that all are handed in
	if sum := call[load.Summary](t, fe, "Do", late); sum.Unknown != n {
		t.Errorf("Do: %+v", sum)
	}
	submit := late
	submit.Prefix = "submit"
	if sum := call[load.Summary](t, fe, "Submit", submit); sum.Acked != n {
		t.Errorf("Submit: %+v", sum)
	}
	time.Sleep(late.Deadline)
	r.worker(load.WorkerArgs{})
	fresh := call[load.Summary](t, fe, "Do", load.Load{Prefix: "fresh", Count: 10, Callers: 10})
	if fresh.Answered != 10 {
		t.Errorf("%+v", fresh)
	}
	expired := call[load.Summary](t, fe, "Collect", load.ClaimsOf(r.book(), patience))
	if expired.Expired != n {
		t.Errorf("%+v", expired)
	}
	r.idle()
	b := r.book()
	if n := runs(b); n != 10 {
		t.Errorf("%d requests ran, want the 10 in time", n)
	}
}

// TestOverload asks for three times what a worker can do: it must go on doing
// what it can.
func TestOverload(t *testing.T) {
	const lasts = 4 * time.Second
	r, _ := startRig(t)
	r.queue.MaxBytes = 16 << 10 // a second of work at most, however many requests share a message: well within the deadline
	worker := r.worker(load.WorkerArgs{MaxSize: 16, Takes: 40 * time.Millisecond})
	fe := r.frontEnd()
	do := begin(fe, "Do", load.Load{Prefix: "c", Callers: 64})
	r.ran(64)
	time.Sleep(lasts / 2)
	capacity := stop(t, []*proc.Process{fe}, []*running{do})[0].PerSecond()
	before := call[load.Ran](t, worker, "Ran", 0)

	do = begin(fe, "Do", load.Load{Prefix: "o", Rate: 3 * capacity, Deadline: 2 * time.Second})
	goodput := r.goodput(lasts)
	over := stop(t, []*proc.Process{fe}, []*running{do})[0]
	if over.Full == 0 {
		t.Errorf("nothing was refused at three times the capacity: %+v", over)
	}
	if goodput < 0.8*capacity {
		t.Errorf("goodput %.0f/s, want 80%% of %.0f/s: %+v", goodput, capacity, over)
	}
	if err := r.book().Check(); err != nil {
		t.Error(err)
	}
	t.Logf("capacity %.0f/s; at three times of it %.0f/s: %+v, batches of %.1f", capacity, goodput, over,
		call[load.Ran](t, worker, "Ran", 0).Since(before).MeanBatch())
}

// goodput is how many requests are answered a second, most of the time: a machine
// may stand still for a moment.
func (r *rig) goodput(lasts time.Duration) float64 {
	r.t.Helper()
	const parts = 8
	var rates []float64
	for range parts {
		began, before := time.Now(), answers(r.book())
		time.Sleep(lasts / parts)
		rates = append(rates, float64(answers(r.book())-before)/time.Since(began).Seconds())
	}
	return slices.Sorted(slices.Values(rates))[parts/2]
}

// answers is how many requests have been answered.
func answers(b oracle.Book) int {
	return b.Count(func(r *oracle.Request) bool { return len(r.Answers) > 0 })
}
