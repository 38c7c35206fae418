package e2e_test

import (
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/load"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/proc"
)

func TestServerAwayForAWhile(t *testing.T) {
	t.Parallel()
	const away = 500 * time.Millisecond
	r, n := startRig(t)
	worker := r.worker(load.WorkerArgs{Slots: 2})
	fe := r.frontEnd()
	load1 := load.Load{Prefix: "warm", Count: 500, Callers: 16}
	call[load.Summary](t, fe, "Do", load1)
	before := [2]load.Usage{call[load.Usage](t, fe, "Usage", 0), call[load.Usage](t, worker, "Usage", 0)}

	do := begin(fe, "Do", load.Load{Prefix: "d", Callers: 16})
	submit := begin(fe, "Submit", load.Load{Prefix: "s", Callers: 16, Wait: true})
	for range count(3, 6) {
		r.moves()
		n.Kill()
		time.Sleep(away)
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
	}
	r.moves()
	for _, sum := range stop(t, []*proc.Process{fe}, []*running{do, submit}) {
		if sum.Answered != sum.Sent {
			t.Errorf("%+v", sum)
		}
		if limit := away + r.queue.AckWait + machine; sum.Latency.Max > limit {
			t.Errorf("somebody waited for %v, want at most %v", sum.Latency.Max, limit)
		}
		t.Logf("%+v", sum)
	}
	if err := r.book().AllAnswered(); err != nil {
		t.Error(err)
	}
	for i, p := range []*proc.Process{fe, worker} {
		if after := call[load.Usage](t, p, "Usage", 0); after.Goroutines > before[i].Goroutines+10 {
			t.Errorf("process %d had %d goroutines and has %d", i, before[i].Goroutines, after.Goroutines)
		}
	}
}
