package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/load"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/oracle"
)

func TestResultsOfADeadFrontEnd(t *testing.T) {
	t.Parallel()
	const n = 500
	r, _ := startRig(t)
	fe := r.frontEnd()
	if sum := call[load.Summary](t, fe, "Submit", load.Load{Prefix: "s", Count: n, Callers: 50}); sum.Acked != n {
		t.Fatalf("%+v", sum)
	}
	fe.Kill()
	r.worker(load.WorkerArgs{})
	other := r.frontEnd()
	b := r.collect(other)
	if err := b.AllAnswered(); err != nil {
		t.Error(err)
	}
	claims := load.ClaimsOf(b, patience)
	claims.Get = true // Get has what Wait had
	if sum := call[load.Summary](t, r.frontEnd(), "Collect", claims); sum.Answered != n {
		t.Errorf("%+v", sum)
	}
	if err := r.book().AllAnswered(); err != nil {
		t.Error(err)
	}
}

// client makes a front end in the test's own process.
func (r *rig) client() *natsbatch.Client[[]byte, []byte] {
	r.t.Helper()
	c, err := natsbatch.NewClient[[]byte, []byte](within(r.t, patience), r.connect(), r.queue, natsbatch.ClientOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		c.Shutdown(ctx)
	})
	return c
}

// TestWaitNeverMisses submits with one front end and waits with another that
// must hear of the result, or see it, whichever comes first. One that missed
// both would find it only when it looks again, after 10 seconds.
func TestWaitNeverMisses(t *testing.T) {
	const callers, missed = 50, 8 * time.Second
	tries := count(2_000, 10_000)
	r, _ := startRig(t)
	r.worker(load.WorkerArgs{Slots: 2})
	from, to := r.client(), r.client()
	ids := make(chan string)
	var mu sync.Mutex // guards slowest
	var slowest time.Duration
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for id := range ids {
				payload := load.Payload(id, load.Plain, 0, 0)
				h, err := from.Submit(t.Context(), payload)
				if err != nil {
					t.Errorf("%s: Submit: %v", id, err)
					continue
				}
				start := time.Now()
				answer, err := to.Wait(within(t, patience), h)
				if err != nil || len(answer) < 24 || string(answer[:24]) != oracle.Hash(payload) {
					t.Errorf("%s: got %q, %v", id, answer, err)
				}
				mu.Lock()
				slowest = max(slowest, time.Since(start))
				mu.Unlock()
			}
		})
	}
	for i := range tries {
		ids <- fmt.Sprintf("w%d", i)
	}
	close(ids)
	group.Wait()
	if slowest > missed {
		t.Errorf("a Wait took %v", slowest)
	}
	t.Logf("%d tries, the slowest Wait %v", tries, slowest)
}

func TestResultsGoAfterTheirTime(t *testing.T) {
	t.Parallel()
	r, _ := startRig(t)
	r.queue.ResultTTL = 2 * time.Second
	r.worker(load.WorkerArgs{})
	c, other := r.client(), r.client()
	h, err := c.Submit(t.Context(), load.Payload("brief", load.Plain, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Wait(within(t, patience), h); err != nil {
		t.Error(err)
	}
	stored := time.Now()
	for {
		_, err := other.Get(within(t, patience), h)
		age := time.Since(stored)
		if errors.Is(err, natsbatch.ErrNoResult) {
			if age < r.queue.ResultTTL/2 {
				t.Errorf("gone after %v", age)
			}
			return
		}
		if err != nil || age > r.queue.ResultTTL+patience {
			t.Fatalf("after %v: %v", age, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
