package server_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/proc"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/server"
)

func TestMain(m *testing.M) {
	proc.Main(map[string]proc.Role{server.Role: server.Run})
	os.Exit(m.Run())
}

func within(t *testing.T, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

// connect gives a stream context and a stream of a cluster or a server.
func connect(t *testing.T, url string, replicas int) (jetstream.JetStream, jetstream.Stream) {
	t.Helper()
	nc, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.CreateStream(within(t, 20*time.Second), jetstream.StreamConfig{Name: "s", Subjects: []string{"s.>"}, Replicas: replicas})
	if err != nil {
		t.Fatal(err)
	}
	return js, s
}

func TestKilledServerKeepsItsStream(t *testing.T) {
	for interval, want := range map[string]bool{"": false, server.Always: true} {
		n, err := server.Start(t.TempDir(), server.Options{SyncInterval: interval})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { n.Kill() }()
		if always, err := n.SyncAlways(); err != nil || always != want {
			t.Errorf("sync_interval %q: always is %v, %v", interval, always, err)
		}
		js, s := connect(t, n.URL, 1)
		if _, err := js.Publish(t.Context(), "s.1", []byte("kept")); err != nil {
			t.Fatal(err)
		}
		n.Kill()
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		for {
			info, err := s.Info(within(t, 20*time.Second))
			if err == nil && info.State.Msgs == 1 {
				break
			}
			if t.Context().Err() != nil || err == nil {
				t.Fatalf("got %+v, %v", info, err)
			}
		}
	}
}

func TestClusterSurvivesItsLeader(t *testing.T) {
	ctx := within(t, 60*time.Second)
	c, err := server.StartCluster(ctx, t.TempDir(), server.Options{SyncInterval: server.Always})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Kill()
	js, _ := connect(t, c.URL(), 3)
	if _, err := js.Publish(ctx, "s.1", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	first, err := c.Leader(ctx, "s")
	if err != nil {
		t.Fatal(err)
	}
	first.Kill()
	for {
		next, err := c.Leader(ctx, "s")
		if err != nil {
			t.Fatal(err)
		}
		if next != first {
			break
		}
	}
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	if err := c.Current(ctx, "s"); err != nil {
		t.Fatal(err)
	}
}
