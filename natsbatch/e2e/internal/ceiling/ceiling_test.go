package ceiling_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/ceiling"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/proc"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/server"
)

func TestMain(m *testing.M) {
	proc.Main(map[string]proc.Role{server.Role: server.Run})
	os.Exit(m.Run())
}

func load(connect func() (*nats.Conn, error)) ceiling.Load {
	return ceiling.Load{Connect: connect, Producers: 4, Outstanding: 32, Consumers: 4, Batch: 16, Size: 128, For: 500 * time.Millisecond}
}

// TestSyncCosts tests that the ceilings are measured at all, and on the right
// server: one that syncs each message is far slower, and at best as fast where
// a sync costs nothing, as in memory.
func TestSyncCosts(t *testing.T) {
	rates := map[string][3]float64{}
	for _, interval := range []string{"", server.Always} {
		n, err := server.Start(t.TempDir(), server.Options{SyncInterval: interval})
		if err != nil {
			t.Fatal(err)
		}
		defer n.Kill()
		l := load(func() (*nats.Conn, error) { return nats.Connect(n.URL) })
		var all [3]float64
		for i, measure := range []func(context.Context, ceiling.Load) (float64, error){ceiling.Queue, ceiling.Answer, ceiling.Store} {
			for range 3 { // the best of three, since other tests run beside
				rate, err := measure(t.Context(), l)
				if err != nil || rate == 0 {
					t.Fatalf("sync_interval %q, measure %d: %v/s, %v", interval, i, rate, err)
				}
				all[i] = max(all[i], rate)
			}
		}
		rates[interval] = all
	}
	t.Logf("requests through a queue, with stored results, results stored, per second: %.0f without sync, %.0f with", rates[""], rates[server.Always])
	for i := range 3 {
		if 2*rates[""][i] < rates[server.Always][i] {
			t.Errorf("measure %d: without sync %.0f/s, with sync %.0f/s", i, rates[""][i], rates[server.Always][i])
		}
	}
}

func TestFailures(t *testing.T) {
	refuse := errors.New("refused as told")
	if _, err := ceiling.Queue(t.Context(), load(func() (*nats.Conn, error) { return nil, refuse })); !errors.Is(err, refuse) {
		t.Errorf("got %v", err)
	}
	n, err := server.Start(t.TempDir(), server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := ceiling.Queue(ctx, load(func() (*nats.Conn, error) { return nats.Connect(n.URL) })); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
