package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/load"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/proc"
)

func TestEachCallerGetsItsOwnAnswer(t *testing.T) {
	const frontEnds, workers, size = 4, 4, 64
	each := count(5_000, 25_000)
	r, _ := startRig(t)
	var works []*proc.Process
	for range workers {
		works = append(works, r.worker(load.WorkerArgs{MaxSize: size, Slots: 2}))
	}
	var fes []*proc.Process
	for range frontEnds {
		fes = append(fes, r.frontEnd())
	}
	var loads []*running
	for i, fe := range fes {
		loads = append(loads, begin(fe, "Do", load.Load{Prefix: fmt.Sprintf("f%d.", i), Count: each, Callers: 256, Size: 128}))
	}
	for i, l := range loads {
		if sum := l.end(t); sum.Answered != each {
			t.Errorf("front end %d: %+v", i, sum)
		}
	}
	b := r.book()
	if err := b.AllAnswered(); err != nil {
		t.Error(err)
	}
	t.Log(b)
	for i, w := range works {
		ran := call[load.Ran](t, w, "Ran", 0)
		if ran.Largest > size {
			t.Errorf("worker %d: %+v", i, ran)
		}
		t.Logf("worker %d: %d requests in batches of %.1f", i, ran.Requests, ran.MeanBatch())
	}
}

// apart is a context whose deadline workers find to be earlier by a span of time than
// it is here, as if their clocks were ahead by as much.
type apart struct {
	context.Context
	by   time.Duration
	sent atomic.Bool
}

func (a *apart) Deadline() (time.Time, bool) {
	d, ok := a.Context.Deadline()
	if !a.sent.Swap(true) {
		d = d.Add(-a.by)
	}
	return d, ok
}

// A worker whose clock is ahead answers all that it takes at once with ErrExpired. Only
// the front end can tell that it is too early.
func TestWorkerWhoseClockIsAhead(t *testing.T) {
	t.Parallel()
	r, _ := startRig(t)
	r.worker(load.WorkerArgs{})
	ctx := &apart{Context: within(t, 10*time.Minute), by: time.Hour}
	_, err := r.client().Do(ctx, load.Payload("a", load.Plain, 0, 0))
	if !errors.Is(err, natsbatch.ErrExpired) || !strings.Contains(err.Error(), "the clock of the worker, 9m") {
		t.Errorf("got %v", err)
	}
}
