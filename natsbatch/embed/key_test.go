package embed_test

import (
	"testing"

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
