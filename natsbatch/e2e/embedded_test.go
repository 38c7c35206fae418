package e2e_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch/embed"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/load"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/oracle"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/proc"
)

// embedded starts a process that holds everything, on the rig's own directory.
func (r *rig) embedded(name string) *proc.Process {
	r.t.Helper()
	return r.start(load.EmbeddedRole, load.EmbeddedArgs{
		WorkerArgs: load.WorkerArgs{Place: r.place(name), Takes: time.Millisecond},
		Dir:        filepath.Join(r.dir, "store"),
	})
}

func TestEmbeddedKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	acked := func(b oracle.Book) int { return b.Count(func(r *oracle.Request) bool { return r.Acked > 0 }) }
	for i := range count(10, 50) {
		before := acked(r.book())
		p := r.embedded("embedded")
		begin(p, "Submit", load.Load{Prefix: fmt.Sprintf("s%d.", i), Callers: 16})
		r.until("requests are acknowledged", func(b oracle.Book) bool { return acked(b) >= before+30 })
		p.Kill()
	}
	last := r.embedded("last")
	b := r.collect(last)
	if err := b.Check(); err != nil {
		t.Error(err)
	}
	if lost := b.Find(func(r *oracle.Request) bool { return r.Acked > 0 && len(r.Answers) == 0 }); len(lost) > 0 {
		t.Errorf("%d acknowledged and not answered: %v", len(lost), lost)
	}
	if err := last.Terminate(); err != nil {
		t.Error(err)
	}
	if err := last.Wait(); err != nil {
		t.Error(err)
	}
	t.Log(b)
}

func TestTwoProcessesOnOneDirectory(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	first := r.embedded("first")
	args := load.EmbeddedArgs{WorkerArgs: load.WorkerArgs{Place: r.place("second")}, Dir: filepath.Join(r.dir, "store")}
	if p, err := proc.Start(load.EmbeddedRole, args); err == nil {
		p.Kill()
		t.Error("a second process has the directory too")
	} else if !strings.Contains(err.Error(), embed.ErrInUse.Error()) {
		t.Errorf("got %v", err)
	}
	first.Kill() // which gives it up
	r.embedded("third")
}
