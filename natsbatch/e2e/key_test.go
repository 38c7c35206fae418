package e2e_test

import (
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/load"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/oracle"
)

// window is how long the server remembers ids by itself.
const window = 2 * time.Minute

var sameIDs = load.Load{Prefix: "id", Count: 100, Callers: 20, Keyed: true, Wait: true}

// once checks that each of sameIDs has one visible result.
func once(t *testing.T, r *rig) {
	t.Helper()
	b := r.book()
	if err := b.AllAnswered(); err != nil {
		t.Error(err)
	}
	if len(b) != sameIDs.Count {
		t.Errorf("%v", b)
	}
	t.Log(b)
}

func TestSameIDFromTwoFrontEnds(t *testing.T) {
	t.Parallel()
	r, _ := startRig(t)
	r.queue.AckWait = never
	first, second := begin(r.frontEnd(), "Submit", sameIDs), begin(r.frontEnd(), "Submit", sameIDs)
	r.worker(load.WorkerArgs{})
	for _, l := range []*running{first, second} {
		if sum := l.end(t); sum.Answered != sameIDs.Count {
			t.Errorf("%+v", sum)
		}
	}
	once(t, r)
	if n := runs(r.book()); n != sameIDs.Count {
		t.Errorf("%d requests ran %d times", sameIDs.Count, n)
	}
}

// TestSameIDAfterARestart also stands for the end of the server's window: what
// was processed before the restart it does not remember either.
func TestSameIDAfterARestart(t *testing.T) {
	t.Parallel()
	r, n := startRig(t)
	r.worker(load.WorkerArgs{})
	fe := r.frontEnd()
	call[load.Summary](t, fe, "Submit", sameIDs)
	n.Kill()
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	if sum := call[load.Summary](t, fe, "Submit", sameIDs); sum.Answered != sameIDs.Count {
		t.Errorf("%+v", sum)
	}
	r.idle()
	once(t, r)
}

func TestSameIDAfterTheWindow(t *testing.T) {
	t.Parallel()
	r, _ := startRig(t)
	r.worker(load.WorkerArgs{})
	fe := r.frontEnd()
	call[load.Summary](t, fe, "Submit", sameIDs)
	if *full { // else within it, which is the same to see and another way to get there
		time.Sleep(window + 2*time.Second)
	}
	if sum := call[load.Summary](t, fe, "Submit", sameIDs); sum.Answered != sameIDs.Count {
		t.Errorf("%+v", sum)
	}
	r.idle()
	other := r.frontEnd()
	b := r.collect(other)
	again := b.Count(func(r *oracle.Request) bool { return len(r.Runs) > 1 })
	t.Logf("%d ran again", again)
	once(t, r)
}
