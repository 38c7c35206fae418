package e2e_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/load"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/oracle"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/proc"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/server"
)

// requests is the stream of the requests.
const requests = "bq_main_req"

// admissionGap is how long three servers may admit nothing when one dies.
const admissionGap = 10 * time.Second

// startClusterRig starts a cluster that syncs always, and a rig for it.
func startClusterRig(t *testing.T) (*rig, *server.Cluster) {
	t.Helper()
	c, err := server.StartCluster(within(t, patience), t.TempDir(), server.Options{SyncInterval: server.Always})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Kill)
	r := newRig(t, c.URL())
	r.queue.Replicas = 3
	return r, c
}

// underLoad has front ends and workers use a cluster while disturb does what
// it does, and checks that nothing was lost. It gives the longest time that a
// Submit has waited for its acknowledgement.
func underLoad(t *testing.T, disturb func(r *rig, c *server.Cluster)) time.Duration {
	t.Helper()
	r, c := startClusterRig(t)
	r.worker(load.WorkerArgs{Slots: 2})
	fe := r.frontEnd()
	submit := begin(fe, "Submit", load.Load{Prefix: "s", Callers: 8})
	do := begin(fe, "Do", load.Load{Prefix: "d", Callers: 8})
	r.ran(100)
	disturb(r, c)
	for _, sum := range stop(t, []*proc.Process{fe}, []*running{submit, do}) {
		if sum.Failed > 0 || sum.Unknown > 0 || sum.Sent != sum.Answered+sum.Acked {
			t.Errorf("%+v", sum)
		}
	}
	b := r.collect(fe)
	if err := b.AllAnswered(); err != nil {
		t.Error(err)
	}
	gap := submit.sum.Latency.Max
	t.Logf("%v; the longest wait for an acknowledgement was %v", b, gap)
	return gap
}

// moves waits until new requests are acknowledged and run.
func (r *rig) moves() {
	r.t.Helper()
	before := r.book()
	r.until("new requests are acknowledged and run", func(b oracle.Book) bool {
		acked := func(r *oracle.Request) bool { return r.Acked > 0 && len(r.Runs) > 0 }
		return b.Count(acked) > before.Count(acked)+50
	})
}

func TestClusterLosesItsLeader(t *testing.T) {
	gap := underLoad(t, func(r *rig, c *server.Cluster) {
		for range count(1, 3) {
			leader, err := c.Leader(within(t, patience), requests)
			if err != nil {
				t.Fatal(err)
			}
			leader.Kill()
			r.moves()
			if err := leader.Start(); err != nil {
				t.Fatal(err)
			}
			if err := c.Current(within(t, patience), requests); err != nil {
				t.Fatal(err)
			}
		}
	})
	if gap > admissionGap+machine {
		t.Errorf("admission stopped for %v, want at most %v", gap, admissionGap)
	}
}

func TestClusterRollingRestart(t *testing.T) {
	underLoad(t, func(r *rig, c *server.Cluster) {
		for _, n := range c.Nodes {
			if err := n.Stop(); err != nil {
				t.Fatal(err)
			}
			if err := n.Start(); err != nil {
				t.Fatal(err)
			}
			if err := c.Current(within(t, patience), requests); err != nil {
				t.Fatal(err)
			}
			r.moves()
		}
	})
}

func TestClusterKilledAtOnce(t *testing.T) {
	underLoad(t, func(r *rig, c *server.Cluster) {
		c.Kill()
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		r.moves()
	})
}

// Where the other servers take longer than a front end waits for a try, the first
// one is still on its way when the next comes, from it or from somebody who submits
// the same id.
func TestClusterTakesItsTime(t *testing.T) {
	const slow = 3 * time.Second
	r, c := startClusterRig(t)
	clients := []*natsbatch.Client[[]byte, []byte]{r.client(), r.client()}
	r.worker(load.WorkerArgs{Slots: 2})
	leader, err := c.Leader(within(t, patience), requests)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Current(within(t, patience), requests); err != nil {
		t.Fatal(err)
	}
	for _, n := range c.Nodes {
		if n != leader {
			if err := n.Freeze(); err != nil {
				t.Fatal(err)
			}
		}
	}
	var calls sync.WaitGroup
	for i, c := range clients {
		calls.Go(func() {
			if _, err := c.Submit(within(t, patience), load.Payload("same", load.Plain, 0, 0), natsbatch.Key("same")); err != nil {
				t.Errorf("client %d: Submit with a Key: %v", i, err)
			}
		})
		calls.Go(func() {
			if _, err := c.Do(within(t, patience), load.Payload(fmt.Sprint("do", i), load.Plain, 0, 0)); err != nil {
				t.Errorf("client %d: Do: %v", i, err)
			}
		})
	}
	time.Sleep(slow)
	for _, n := range c.Nodes {
		if n != leader {
			if err := n.Thaw(); err != nil {
				t.Fatal(err)
			}
		}
	}
	calls.Wait()
}
