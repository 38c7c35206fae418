package embed_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
)

// An id is compared byte by byte, though a header's value loses the space
// around it.
func TestKeysThatDifferInSpaceAreDifferent(t *testing.T) {
	nc := conn(t)
	c := client[string, string](t, nc, natsbatch.ClientOptions{})
	keys := []string{"order 1", "order 1 ", " order 1", "order\n1", "order\r1", "order\r\n1", "order1"}
	handles := make([]natsbatch.Handle, len(keys))
	for i, key := range keys {
		var err error
		if handles[i], err = c.Submit(within(t), "of "+key, natsbatch.Key(key)); err != nil {
			t.Fatal(err)
		}
	}
	w, err := natsbatch.NewWorker(within(t), nc, queue, echo, natsbatch.WorkerOptions{})
	worker(t, w, err)
	for i, key := range keys {
		if res, err := c.Wait(within(t), handles[i]); err != nil || res != "of "+key {
			t.Errorf("key %q: %q, %v", key, res, err)
		}
	}
}

// A result of another version of this package is an error, and not one that
// passes.
func TestAResultThatCannotBeReadEndsAWait(t *testing.T) {
	nc := conn(t)
	c := client[string, string](t, nc, natsbatch.ClientOptions{})
	js := streams(t, nc)
	waits := make(chan error, 1)
	go func() { waits <- second(c.Wait(context.Background(), natsbatch.KeyHandle("k"))) }()
	if _, err := js.Publish(within(t), "bq.main.res.test."+natsbatch.KeyHandle("k").String(), []byte{2, 0}); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{"Wait before": soon(t, "Wait", waits), "Wait": second(c.Wait(within(t), natsbatch.KeyHandle("k"))), "Get": second(c.Get(within(t), natsbatch.KeyHandle("k")))} {
		if err == nil || !strings.Contains(err.Error(), "cannot be read") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Once the result of an id is no longer kept, the id is a new one.
func TestAKeyCountsAsLongAsItsResult(t *testing.T) {
	t.Parallel()
	nc := conn(t)
	q := queue
	q.ResultTTL = time.Second
	c, err := natsbatch.NewClient[string, int64](within(t), nc, q, natsbatch.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var runs atomic.Int64
	w, err := natsbatch.NewWorker(within(t), nc, q, func(_ context.Context, reqs []string) ([]int64, error) {
		return []int64{runs.Add(1)}, nil
	}, natsbatch.WorkerOptions{})
	worker(t, w, err)
	for want := range 2 {
		h, err := c.Submit(within(t), "r", natsbatch.Key("k"))
		if err != nil {
			t.Fatal(err)
		}
		if res, err := c.Wait(within(t), h); err != nil || res != int64(want+1) {
			t.Errorf("%d, %v; want %d", res, err, want+1)
		}
		for err = nil; err == nil; { // the server takes its time
			_, err = c.Get(within(t), h)
		}
		if !errors.Is(err, natsbatch.ErrNoResult) {
			t.Fatal(err)
		}
	}
}
