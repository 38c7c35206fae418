package e2e_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
	"github.com/gobatcher/batcher/natsbatch/internal/fault"

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
	admin, l := r.letter()
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

// letter gives the one dead letter that there is.
func (r *rig) letter() (*natsbatch.Admin, natsbatch.DeadLetter) {
	r.t.Helper()
	admin, err := natsbatch.NewAdmin(within(r.t, patience), r.connect(), r.queue)
	if err != nil {
		r.t.Fatal(err)
	}
	letters, err := admin.Dead(within(r.t, patience), 0, 10)
	if err != nil || len(letters) != 1 {
		r.t.Fatalf("dead letters: %+v, %v", letters, err)
	}
	return admin, letters[0]
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

// Few requests fit into the batches of suspects for long. Whoever has not run
// alone is no poison.
func TestPoisonOfFew(t *testing.T) {
	t.Parallel()
	r, _ := startRig(t)
	r.queue.AckWait = time.Second
	r.respawned(load.WorkerArgs{Delay: 300 * time.Millisecond, Backoff: 20 * time.Millisecond})
	sum := call[load.Summary](t, r.frontEnd(), "Submit", load.Load{Prefix: "f", Count: 4, Callers: 4, Op: load.Exit, Every: 4, Wait: true})
	if sum.Answered != 3 || sum.Dead != 1 {
		t.Errorf("%+v, want 3 answered and the one that kills dead", sum)
	}
	// Given back, it has a delay, which is over before a worker sees it.
	r.over()
	before := r.mostRuns()
	admin, l := r.letter()
	if err := admin.Retry(within(t, patience), l.Seq); err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * time.Second)
	r.respawned(load.WorkerArgs{Delay: 300 * time.Millisecond, Backoff: 20 * time.Millisecond})
	if got, err := r.client().Wait(within(t, patience), l.Handle); !errors.Is(err, natsbatch.ErrDead) {
		t.Errorf("given back: %q, %v", got, err)
	}
	if now := r.mostRuns(); before > 4 || now-before > 4 {
		t.Errorf("what kills ran %d times, and then %d, want 4 at most", before, now-before)
	}
	if err := r.book().Check(); err != nil {
		t.Error(err)
	}
}

// mostRuns is how often the request ran that ran most often.
func (r *rig) mostRuns() (most int) {
	for _, req := range r.book() {
		most = max(most, len(req.Runs))
	}
	return most
}

// A worker dies when what it has divided is stored and not acknowledged. It is
// divided once more, when some of it has been answered meanwhile, and yet what
// kills does so no oftener.
func TestPoisonIsDividedTwice(t *testing.T) {
	t.Parallel()
	const size = 64
	r, _ := startRig(t)
	r.queue.AckWait = time.Second
	first := r.worker(load.WorkerArgs{MaxSize: size, Delay: 300 * time.Millisecond})
	submit := begin(r.frontEnd(), "Submit", load.Load{Prefix: "t", Count: size, Callers: size, Op: load.Exit, Every: size, Wait: true})
	select {
	case <-first.Done(): // of what kills
	case <-time.After(patience):
		t.Fatal("the first worker lives")
	}
	await(t, r.dying(fault.Cut), fault.Cut)
	r.respawned(load.WorkerArgs{MaxSize: size, Backoff: 20 * time.Millisecond})
	if sum := submit.end(t); sum.Answered != size-1 || sum.Dead != 1 {
		t.Errorf("%+v", sum)
	}
	b := r.book()
	if err := b.Check(); err != nil {
		t.Error(err)
	}
	t.Log(b)
	if often := b.Find(func(r *oracle.Request) bool { return len(r.Runs) > 4 }); len(often) > 0 {
		t.Errorf("%q ran more than 4 times", often)
	}
}

func TestPoisonPanics(t *testing.T) { poison(t, load.Panic, "panics as told") }
func TestPoisonHangs(t *testing.T)  { poison(t, load.Hang, "longer than 500ms") }
func TestPoisonKills(t *testing.T)  { poison(t, load.Exit, "did not settle it") }
