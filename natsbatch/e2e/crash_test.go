package e2e_test

import (
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/load"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/oracle"
)

// crash has a worker die just before the first message that begins like this
// leaves it, and another do the rest. It gives what is known in the end.
func crash(t *testing.T, pattern, method string, l load.Load) oracle.Book {
	t.Helper()
	r, _ := startRig(t)
	r.queue.AckWait = time.Second
	p := r.proxy()
	first := r.workerBehind(p, load.WorkerArgs{})
	struck := p.StrikeAt(pattern, first.Kill)
	fe := r.frontEnd()
	running := begin(fe, method, l)
	select {
	case <-struck:
	case <-time.After(patience):
		t.Fatalf("no worker has sent %q", pattern)
	}
	r.worker(load.WorkerArgs{})
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

func TestCrashBetweenRunAndStore(t *testing.T) {
	t.Parallel()
	for name, keyed := range map[string]bool{"Handle": false, "Key": true} {
		t.Run(name, func(t *testing.T) {
			b := crash(t, "PUB bq.main.res.", "Submit", load.Load{Prefix: "s", Count: 20, Callers: 20, Wait: true, Keyed: keyed})
			if b.Count(func(r *oracle.Request) bool { return len(r.Runs) > 1 }) == 0 {
				t.Error("nothing ran again, although nothing had been stored")
			}
		})
	}
}

func TestCrashBetweenStoreAndAcknowledge(t *testing.T) {
	t.Parallel()
	for name, keyed := range map[string]bool{"Handle": false, "Key": true} {
		t.Run(name, func(t *testing.T) {
			b := crash(t, "PUB $JS.ACK.", "Submit", load.Load{Prefix: "s", Count: 20, Callers: 20, Wait: true, Keyed: keyed})
			if again := b.Find(func(r *oracle.Request) bool { return len(r.Runs) > 1 }); len(again) > 0 {
				t.Errorf("%d ran again, although their results were stored: %v", len(again), again)
			}
		})
	}
}

func TestCrashBetweenReplyAndAcknowledge(t *testing.T) {
	t.Parallel()
	crash(t, "PUB $JS.ACK.", "Do", load.Load{Prefix: "d", Count: 20, Callers: 20})
}
