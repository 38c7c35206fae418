package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/load"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/oracle"
)

func TestOwnErrorsAreAnswers(t *testing.T) {
	t.Parallel()
	r, _ := startRig(t)
	r.queue.AckWait = never
	r.worker(load.WorkerArgs{})
	fe := r.frontEnd()
	for method, prefix := range map[string]string{"Do": "d", "Submit": "s"} {
		sum := call[load.Summary](t, fe, method, load.Load{Prefix: prefix, Count: 200, Callers: 50, Op: load.Fail, Every: 4, Wait: true})
		if sum.Answered != 150 || sum.Failed != 50 {
			t.Errorf("%s: %+v", method, sum)
		}
	}
	b := r.book()
	if err := b.Check(); err != nil {
		t.Error(err)
	}
	for id, r := range b {
		if len(r.Runs) != 1 || len(r.Failures) > 0 && r.Failures[0] != id+" fails as told" {
			t.Errorf("%s: %+v", id, r)
		}
	}
}

func TestErrorOfTheWholeBatch(t *testing.T) {
	t.Parallel()
	const size = 8
	r, _ := startRig(t)
	r.queue.AckWait = never
	r.worker(load.WorkerArgs{MaxSize: size, Delay: 10 * time.Second})
	sum := call[load.Summary](t, r.frontEnd(), "Do", load.Load{Prefix: "d", Count: size, Callers: size, Op: load.Spoil, Every: size})
	if sum.Failed != size || !strings.Contains(sum.Fault, "spoils its batch as told") {
		t.Errorf("%+v", sum)
	}
	if b := r.book(); runs(b) != size {
		t.Errorf("%v", b)
	}
}

// TestRetriesBackOff has many requests fail three times in a row, each with
// an error that is worth another try.
func TestRetriesBackOff(t *testing.T) {
	t.Parallel()
	const n, tries, backoff = 100, 3, 300 * time.Millisecond
	for method, prefix := range map[string]string{"Do": "d", "Submit": "s"} {
		r, _ := startRig(t)
		r.queue.AckWait = never
		r.worker(load.WorkerArgs{Backoff: backoff})
		sum := call[load.Summary](t, r.frontEnd(), method, load.Load{Prefix: prefix, Count: n, Callers: n, Op: load.Retry, Arg: tries, Wait: true})
		if sum.Answered != n {
			t.Errorf("%s: %+v", method, sum)
		}
		if sum.Latency.P50 < tries*backoff {
			t.Errorf("%s: %d tries took %v, with a back-off of %v", method, tries, sum.Latency.P50, backoff)
		}
		b := r.book()
		if err := b.AllAnswered(); err != nil {
			t.Errorf("%s: %v", method, err)
		}
		if stormed := b.Find(func(r *oracle.Request) bool { return len(r.Runs) != tries+1 }); len(stormed) > 0 {
			t.Errorf("%s: %d did not run %d times: %v", method, len(stormed), tries+1, stormed)
		}
		t.Logf("%s: %v, %+v", method, b, sum.Latency)
	}
}

// TestRetriesEnd has requests fail for ever.
func TestRetriesEnd(t *testing.T) {
	t.Parallel()
	const n = 20
	r, _ := startRig(t)
	r.queue.AckWait = never
	r.worker(load.WorkerArgs{Backoff: 20 * time.Millisecond})
	sum := call[load.Summary](t, r.frontEnd(), "Submit", load.Load{Prefix: "s", Count: n, Callers: n, Op: load.Retry, Arg: 1000, Wait: true})
	if sum.Dead != n {
		t.Errorf("%+v", sum)
	}
	b := r.book()
	if wrong := b.Find(func(r *oracle.Request) bool {
		return len(r.Runs) != 4 || len(r.Failures) != 1 || !strings.Contains(r.Failures[0], "is to be tried again")
	}); len(wrong) > 0 {
		t.Errorf("%s: %+v", wrong[0], b[wrong[0]])
	}
}
