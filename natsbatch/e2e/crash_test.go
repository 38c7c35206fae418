package e2e_test

import (
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch/internal/fault"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/load"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/oracle"
)

// crash has a worker kill itself at a point, and another do the rest. It gives
// what is known in the end.
func crash(t *testing.T, at fault.Point, method string, l load.Load) oracle.Book {
	t.Helper()
	r, _ := startRig(t)
	r.queue.AckWait = time.Second
	place := r.place("dying")
	place.DieAt = at
	first := r.start(load.WorkerRole, load.WorkerArgs{Place: place, Backoff: 10 * time.Millisecond})
	fe := r.frontEnd()
	running := begin(fe, method, l)
	select {
	case <-first.Done():
	case <-time.After(patience):
		t.Fatalf("no worker has come to the point %q", at)
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
		if b := crash(t, fault.Ran, "Submit", l); len(again(b)) == 0 {
			t.Error("nothing ran again, although nothing had been stored")
		}
	}
}

func TestCrashBetweenStoreAndAcknowledge(t *testing.T) {
	t.Parallel()
	for _, l := range []load.Load{handles, keys} {
		if b := crash(t, fault.Stored, "Submit", l); len(again(b)) == l.Count {
			t.Error("all ran again, although results were stored")
		}
	}
}

func TestCrashBetweenReplyAndAcknowledge(t *testing.T) {
	t.Parallel()
	crash(t, fault.Replied, "Do", dos)
}

func TestCrashBeforeRun(t *testing.T) {
	t.Parallel()
	for method, l := range map[string]load.Load{"Submit": handles, "Do": dos} {
		crash(t, fault.Taken, method, l)
	}
}

// TestCrashWhilePutOff dies when the requests that are to be tried again are
// stored a second time.
func TestCrashWhilePutOff(t *testing.T) {
	t.Parallel()
	for method, l := range map[string]load.Load{"Submit": handles, "Do": dos} {
		l.Op, l.Arg = load.Retry, 1
		crash(t, fault.Parted, method, l)
	}
}
