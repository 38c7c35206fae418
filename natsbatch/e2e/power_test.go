package e2e_test

import (
	"errors"
	"testing"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/disk"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/load"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/oracle"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/server"
)

// submitted is how many requests are acknowledged before the power goes.
const submitted = 1000

// cutPower hands requests in, cuts the power once all are acknowledged, and
// gives what is left of the queue's messages when the server is back. Where
// the machine has no disk for this the server is killed instead.
func cutPower(t *testing.T, interval string) (r *rig, kept, of uint64, real bool) {
	t.Helper()
	o := server.Options{SyncInterval: interval}
	d, err := disk.Mount(t.TempDir())
	if err != nil {
		if !errors.Is(err, disk.ErrUnable) {
			t.Fatal(err)
		}
		t.Logf("the server is killed in place of the power: %v", err)
	} else {
		t.Cleanup(func() {
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
		o.Thread, o.StoreDir = d.Thread(), d.Dir()
	}
	n := startServer(t, o)
	r = newRig(t, n.URL)
	r.queue.MaxBytes, r.queue.ResultBytes = 16<<20, 16<<20 // the disk is small
	fe := r.frontEnd()
	sum := call[load.Summary](t, fe, "Submit", load.Load{Prefix: "s", Count: submitted, Callers: 32})
	if sum.Acked != submitted {
		t.Fatalf("%+v", sum)
	}
	of = r.messages()
	if d != nil {
		if err := d.CutPower(); err != nil {
			t.Fatal(err)
		}
	}
	fe.Kill()
	n.Kill()
	if d != nil {
		if err := d.Restore(); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	return r, r.messages(), of, d != nil
}

func TestPowerLossLosesNothing(t *testing.T) {
	r, kept, of, _ := cutPower(t, server.Always)
	if kept != of {
		t.Errorf("%d of %d messages are left", kept, of)
	}
	r.worker(load.WorkerArgs{})
	b := r.collect(r.frontEnd())
	if err := b.AllAnswered(); err != nil {
		t.Error(err)
	}
	t.Logf("%d of %d messages left; %v", kept, of, b)
}

// TestPowerLossIsReal shows that the power is cut: a server that syncs as it
// does by default loses what it has acknowledged.
func TestPowerLossIsReal(t *testing.T) {
	r, kept, of, real := cutPower(t, "")
	if real && kept == of {
		t.Errorf("all %d messages are left, although nothing was synced", of)
	}
	acked := r.book().Count(func(r *oracle.Request) bool { return r.Acked > 0 })
	t.Logf("%d requests were acknowledged in %d messages, of which %d are left", acked, of, kept)
}
