package e2e_test

import (
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/load"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/proc"
)

// TestUrgentAmongMany floods the queue with requests that are not urgent. An
// urgent one alone waits for company and for its batch; among others it waits
// for a slot in the meantime. Both are long, so that what a busy machine adds
// does not count.
func TestUrgentAmongMany(t *testing.T) {
	const takes, delay = 200 * time.Millisecond, 100 * time.Millisecond
	r, _ := startRig(t)
	for range 2 {
		r.worker(load.WorkerArgs{MaxSize: 16, Slots: 4, Takes: takes, Delay: delay})
	}
	fe, flood := r.frontEnd(), r.frontEnd()
	urgent := load.Load{Prefix: "alone", Count: 10, Priority: natsbatch.PriorityHigh}
	alone := call[load.Summary](t, fe, "Do", urgent)

	low := begin(flood, "Do", load.Load{Prefix: "low", Callers: 1000, Priority: natsbatch.PriorityLow})
	r.ran(1000)
	before := runs(r.book())
	urgent.Prefix, urgent.Count = "among", 20
	among := call[load.Summary](t, fe, "Do", urgent)
	moved := runs(r.book()) - before
	lows := stop(t, []*proc.Process{flood}, []*running{low})[0]
	// Without priorities it would wait as long as the others, ten times as much.
	if among.Latency.P99 > 2*alone.Latency.P99+takes {
		t.Errorf("an urgent request alone takes %+v, among others %+v", alone.Latency, among.Latency)
	}
	if moved < 100 {
		t.Errorf("only %d others ran meanwhile", moved)
	}
	t.Logf("urgent: alone %+v, among others %+v; others: %+v", alone.Latency, among.Latency, lows)
}

// TestOthersStillMove floods the queue with urgent requests.
func TestOthersStillMove(t *testing.T) {
	t.Parallel()
	r, _ := startRig(t)
	r.worker(load.WorkerArgs{MaxSize: 16, Slots: 2, Takes: 10 * time.Millisecond})
	fe, flood := r.frontEnd(), r.frontEnd()
	high := begin(flood, "Do", load.Load{Prefix: "high", Callers: 500, Priority: natsbatch.PriorityHigh})
	r.ran(500)
	low := call[load.Summary](t, fe, "Do", load.Load{Prefix: "low", Count: 10, Priority: natsbatch.PriorityLow, Deadline: patience})
	if low.Answered != 10 {
		t.Errorf("%+v", low)
	}
	highs := stop(t, []*proc.Process{flood}, []*running{high})[0]
	t.Logf("low: %+v; high: %+v", low, highs)
}
