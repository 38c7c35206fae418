package e2e_test

import (
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
	"github.com/gobatcher/batcher/natsbatch/internal/fault"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/load"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/oracle"
)

// dying starts a worker that kills itself at a point.
func (r *rig) dying(at fault.Point) (died <-chan struct{}) {
	r.t.Helper()
	place := r.place("dying")
	place.DieAt = at
	return r.start(load.WorkerRole, load.WorkerArgs{Place: place, Backoff: 10 * time.Millisecond}).Done()
}

// await waits until a worker has died at a point.
func await(t *testing.T, died <-chan struct{}, at fault.Point) {
	t.Helper()
	select {
	case <-died:
	case <-time.After(patience):
		t.Fatalf("no worker has come to the point %q", at)
	}
}

// crash has a worker kill itself at each of the points, and another do the rest. It gives
// what is known in the end.
func crash(t *testing.T, method string, l load.Load, points ...fault.Point) oracle.Book {
	t.Helper()
	r, _ := startRig(t)
	r.queue.AckWait = time.Second
	died := r.dying(points[0])
	fe := r.frontEnd()
	running := begin(fe, method, l)
	await(t, died, points[0])
	for _, at := range points[1:] {
		await(t, r.dying(at), at)
	}
	r.worker(load.WorkerArgs{Backoff: 10 * time.Millisecond})
	if sum := running.end(t); sum.Answered != l.Count {
		t.Errorf("%+v", sum)
	}
	b := r.collect(r.frontEnd()) // what another sees is the same
	if err := b.AllAnswered(); err != nil {
		t.Error(err)
	}
	t.Log(b)
	return b
}

func again(b oracle.Book) []string {
	return b.Find(func(r *oracle.Request) bool { return len(r.Runs) > 1 })
}

var (
	handles = load.Load{Prefix: "s", Count: 20, Callers: 20, Wait: true}
	keys    = load.Load{Prefix: "k", Count: 20, Callers: 20, Wait: true, Keyed: true}
	dos     = load.Load{Prefix: "d", Count: 20, Callers: 20}
)

func TestCrashBetweenRunAndStore(t *testing.T) {
	t.Parallel()
	for _, l := range []load.Load{handles, keys} {
		if b := crash(t, "Submit", l, fault.Ran); len(again(b)) == 0 {
			t.Error("nothing ran again, although nothing had been stored")
		}
	}
}

func TestCrashBetweenStoreAndAcknowledge(t *testing.T) {
	t.Parallel()
	for _, l := range []load.Load{handles, keys} {
		if b := crash(t, "Submit", l, fault.Stored); len(again(b)) == l.Count {
			t.Error("all ran again, although results were stored")
		}
	}
}

func TestCrashBetweenReplyAndAcknowledge(t *testing.T) {
	t.Parallel()
	crash(t, "Do", dos, fault.Replied)
}

func TestCrashBeforeRun(t *testing.T) {
	t.Parallel()
	for method, l := range map[string]load.Load{"Submit": handles, "Do": dos} {
		crash(t, method, l, fault.Taken)
	}
}

// TestCrashWhilePutOff dies when the requests that are to be tried again are
// stored a second time.
func TestCrashWhilePutOff(t *testing.T) {
	t.Parallel()
	for method, l := range map[string]load.Load{"Submit": handles, "Do": dos} {
		l.Op, l.Arg = load.Retry, 1
		crash(t, method, l, fault.Parted)
	}
}

// TestCrashWhileDivided dies while it divides what another has died of.
func TestCrashWhileDivided(t *testing.T) {
	t.Parallel()
	for method, l := range map[string]load.Load{"Submit": handles, "Do": dos} {
		crash(t, method, l, fault.Taken, fault.Divided)
	}
}

// TestCrashWhileBuried dies when a dead letter is stored and nobody has been
// told.
func TestCrashWhileBuried(t *testing.T) {
	t.Parallel()
	const n = 5
	r, _ := startRig(t)
	r.queue.AckWait = time.Second
	died := r.dying(fault.Buried)
	submit := begin(r.frontEnd(), "Submit", load.Load{Prefix: "s", Count: n, Callers: n, Op: load.Retry, Arg: 1000, Wait: true})
	await(t, died, fault.Buried)
	r.worker(load.WorkerArgs{Backoff: 10 * time.Millisecond})
	if sum := submit.end(t); sum.Dead != n {
		t.Errorf("%+v", sum)
	}
	if err := r.book().Check(); err != nil {
		t.Error(err)
	}
	r.idle()
	admin, err := natsbatch.NewAdmin(within(t, patience), r.connect(), r.queue)
	if err != nil {
		t.Fatal(err)
	}
	if letters, err := admin.Dead(within(t, patience), 0, 2*n); err != nil || len(letters) != n {
		t.Errorf("%d dead letters of %d requests, %v", len(letters), n, err)
	}
}

// TestFrontEndDiesBeforeItHears dies when its request is stored and it has
// told nobody: whoever tries again with the same id gets the one result.
func TestFrontEndDiesBeforeItHears(t *testing.T) {
	t.Parallel()
	r, _ := startRig(t)
	r.queue.AckWait = never
	place := r.place("dying")
	place.DieAt = fault.Accepted
	first := r.start(load.FrontEndRole, place)
	one := load.Load{Prefix: "k", Count: 1, Keyed: true, Wait: true}
	begin(first, "Submit", one)
	await(t, first.Done(), fault.Accepted)
	r.worker(load.WorkerArgs{})
	if sum := call[load.Summary](t, r.frontEnd(), "Submit", one); sum.Answered != 1 {
		t.Errorf("%+v", sum)
	}
	r.idle()
	b := r.book()
	if err := b.AllAnswered(); err != nil {
		t.Error(err)
	}
	if n := runs(b); n != 1 {
		t.Errorf("it ran %d times", n)
	}
}
