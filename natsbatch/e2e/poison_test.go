package e2e_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/load"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/oracle"
)

// poison puts one request that destroys whoever runs it into a batch of 64,
// and checks that its neighbours are answered, that it lies with the dead
// letters, and that it can be tried again once somebody can run it.
func poison(t *testing.T, op load.Op, reason string) {
	const size = 64
	t.Parallel()
	r, _ := startRig(t)
	args := load.WorkerArgs{MaxSize: size, Delay: 300 * time.Millisecond, Timeout: 500 * time.Millisecond, Backoff: 20 * time.Millisecond}
	r.respawned(args)
	fe := r.frontEnd()
	sum := call[load.Summary](t, fe, "Submit", load.Load{Prefix: "p", Count: size, Callers: size, Op: op, Every: size, Wait: true})
	if sum.Answered != size-1 || sum.Dead != 1 {
		t.Errorf("%+v", sum)
	}
	b := r.book()
	if err := b.Check(); err != nil {
		t.Error(err)
	}
	admin, err := natsbatch.NewAdmin(within(t, patience), r.connect(), r.queue)
	if err != nil {
		t.Fatal(err)
	}
	letters, err := admin.Dead(within(t, patience), 0, 10)
	if err != nil || len(letters) != 1 {
		t.Fatalf("dead letters: %+v, %v", letters, err)
	}
	l := letters[0]
	if !strings.Contains(l.Reason, reason) || !strings.Contains(string(l.Payload), string(op)) {
		t.Errorf("the dead letter says %q, want %q, of %q", l.Reason, reason, l.Payload)
	}
	worst := 0
	for id, r := range b {
		if len(r.Failures) == 0 {
			worst = max(worst, len(r.Runs))
		} else if n := len(r.Runs); n < 4 || n > 5 { // a machine may be so busy that a worker seems dead once
			t.Errorf("%s ran %d times, want 4", id, n)
		}
	}
	l = r.diesAgain(admin, l)
	t.Logf("%v; a neighbour ran at most %d times; all were done after %v; reason: %.100q", b, worst, sum.Took, l.Reason)
	r.revive(admin, l)
}

// diesAgain retries a dead letter while nobody can run it yet, and gives the
// one that it becomes.
func (r *rig) diesAgain(admin *natsbatch.Admin, l natsbatch.DeadLetter) natsbatch.DeadLetter {
	r.t.Helper()
	if err := admin.Retry(within(r.t, patience), l.Seq); err != nil {
		r.t.Fatal(err)
	}
	if got, err := r.client().Wait(within(r.t, patience), l.Handle); !errors.Is(err, natsbatch.ErrDead) {
		r.t.Errorf("after the first retry: %q, %v", got, err)
	}
	letters, err := admin.Dead(within(r.t, patience), 0, 10)
	if err != nil || len(letters) != 1 || letters[0].Seq == l.Seq || letters[0].Handle != l.Handle {
		r.t.Fatalf("after the first retry: dead letters %+v, %v", letters, err)
	}
	return letters[0]
}

// revive retries a dead letter when there is a worker that can run it.
func (r *rig) revive(admin *natsbatch.Admin, l natsbatch.DeadLetter) {
	r.t.Helper()
	r.over() // the worker that cannot
	r.worker(load.WorkerArgs{Tame: true})
	if err := admin.Retry(within(r.t, patience), l.Seq); err != nil {
		r.t.Fatal(err)
	}
	got, err := r.client().Wait(within(r.t, patience), l.Handle)
	if err != nil || !strings.HasPrefix(string(got), oracle.Hash(l.Payload)) {
		r.t.Errorf("after the retry: %q, %v", got, err)
	}
	if letters, err := admin.Dead(within(r.t, patience), 0, 10); err != nil || len(letters) > 0 {
		r.t.Errorf("after the retry: dead letters %+v, %v", letters, err)
	}
}

func TestPoisonPanics(t *testing.T) { poison(t, load.Panic, "panics as told") }
func TestPoisonHangs(t *testing.T)  { poison(t, load.Hang, "longer than 500ms") }
func TestPoisonKills(t *testing.T)  { poison(t, load.Exit, "did not settle it") }
