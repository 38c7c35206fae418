package embed_test

import (
	"context"
	"strings"
	"testing"

	"github.com/gobatcher/batcher/natsbatch"
	"github.com/nats-io/nats.go/jetstream"
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
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
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
