package durable

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
)

// A store has room for what its queues ask for, however much that is, and says why they
// cannot ask for something else later.
func TestStoreOfAnySize(t *testing.T) {
	c := config.Default()
	c.Store, c.Queue.MaxBytes = t.TempDir(), 100<<30
	link, err := Open(t.Context(), c, func(slog.Level, string) {})
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	for _, c.Queue.Namespace = range []string{"one", "two", "main"} {
		if _, err := link.admin(t.Context(), laterQueue(c)); err != nil {
			t.Errorf("namespace %s with 100 GiB: %v", c.Queue.Namespace, err)
		}
	}
	c.Queue.MaxBytes = 1 << 30
	if _, err := link.admin(t.Context(), laterQueue(c)); err == nil || !strings.Contains(err.Error(), "queue.max-bytes") {
		t.Errorf("with another size: got error %v, want one that names the key", err)
	}
}
