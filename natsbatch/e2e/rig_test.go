package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/load"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/oracle"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/proc"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/server"
)

// patience ends what hangs. Nothing that works takes nearly as long.
const patience = 60 * time.Second

// ackWait is that of most queues here: short, so that tests of what happens
// after it are, and long against what a busy machine may hold a process up.
const ackWait = 2 * time.Second

// never is an AckWait for tests that count runs: however busy the machine is,
// nobody is thought to be dead.
const never = time.Minute

// rig is one test's servers, front ends, workers and oracle.
type rig struct {
	t     *testing.T
	dir   string
	logs  string
	url   string
	queue natsbatch.Queue
	nc    *nats.Conn // of the test's own process
	over  func()     // see respawned

	mu    sync.Mutex // guards procs
	procs []*proc.Process
}

// newRig makes a rig for the server at url.
func newRig(t *testing.T, url string) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), url: url, queue: natsbatch.Queue{Endpoint: "test", AckWait: ackWait}}
	r.logs = filepath.Join(r.dir, "logs")
	if err := os.Mkdir(r.logs, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.end)
	return r
}

// startRig starts a server that syncs always, and a rig for it.
func startRig(t *testing.T) (*rig, *server.Node) {
	t.Helper()
	n := startServer(t, server.Options{SyncInterval: server.Always})
	return newRig(t, n.URL), n
}

func startServer(t *testing.T, o server.Options) *server.Node {
	t.Helper()
	n, err := server.Start(t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Kill)
	return n
}

// end kills what runs, and says what it knows if the test failed.
func (r *rig) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.procs {
		p.Kill()
		if said := p.Said(); r.t.Failed() && said != "" {
			r.t.Logf("process %d said:\n%s", p.PID(), said)
		}
	}
	if b, err := oracle.Read(r.logs); r.t.Failed() {
		r.t.Logf("the oracle knows of %v (%v)", b, err)
		open := b.Find(func(r *oracle.Request) bool { return len(r.Answers)+len(r.Failures)+r.Unknown == 0 })
		r.t.Logf("%d have no outcome: %v", len(open), open[:min(len(open), 20)])
	}
}

func (r *rig) start(role string, args any) *proc.Process {
	r.t.Helper()
	p, err := proc.Start(role, args)
	if err != nil {
		r.t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.procs = append(r.procs, p)
	return p
}

func (r *rig) place(name string) load.Place {
	return load.Place{Name: name, URL: r.url, Logs: r.logs, Queue: r.queue}
}

// worker starts a worker's process. Its Place is the rig's.
func (r *rig) worker(args load.WorkerArgs) *proc.Process {
	r.t.Helper()
	args.Place = r.place("worker")
	return r.start(load.WorkerRole, args)
}

// respawned keeps a worker's process alive, until over: one that dies is
// replaced, even if it dies before it can say that it has started.
func (r *rig) respawned(args load.WorkerArgs) {
	r.t.Helper()
	args.Place = r.place("worker")
	end, ended := make(chan struct{}), make(chan struct{})
	r.over = sync.OnceFunc(func() {
		close(end)
		<-ended
	})
	r.t.Cleanup(r.over)
	go func() {
		defer close(ended)
		for {
			p, err := proc.Start(load.WorkerRole, args)
			if p == nil {
				r.t.Error(err)
				return
			} // err says else that it has died already
			select {
			case <-end:
				p.Kill()
				return
			case <-p.Done():
			}
		}
	}()
}

func (r *rig) frontEnd() *proc.Process {
	r.t.Helper()
	return r.start(load.FrontEndRole, r.place("frontend"))
}

// call calls a method of a process that must succeed.
func call[Reply any](t *testing.T, p *proc.Process, method string, args any) (reply Reply) {
	t.Helper()
	if err := p.Call(method, args, &reply); err != nil {
		t.Fatal(err)
	}
	return reply
}

// running is a call that goes on.
type running struct {
	sum  load.Summary
	done <-chan error
}

// begin calls Do or Submit of a front end and does not wait.
func begin(p *proc.Process, method string, l load.Load) *running {
	r := &running{}
	r.done = p.Go(method, l, &r.sum)
	return r
}

// end waits for the end of the call.
func (r *running) end(t *testing.T) load.Summary {
	t.Helper()
	select {
	case err := <-r.done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(patience):
		t.Fatalf("a load has not ended after %v", patience)
	}
	return r.sum
}

// stop stops the front ends' loads and waits for their ends.
func stop(t *testing.T, frontEnds []*proc.Process, loads []*running) (sums []load.Summary) {
	t.Helper()
	for _, fe := range frontEnds {
		call[int](t, fe, "Stop", 0)
	}
	for _, l := range loads {
		sums = append(sums, l.end(t))
	}
	return sums
}

// book reads what was written so far.
func (r *rig) book() oracle.Book {
	r.t.Helper()
	b, err := oracle.Read(r.logs)
	if err != nil {
		r.t.Fatal(err)
	}
	return b
}

// collect has a front end wait for all that was acknowledged, and gives what
// is known then.
func (r *rig) collect(fe *proc.Process) oracle.Book {
	r.t.Helper()
	call[load.Summary](r.t, fe, "Collect", load.ClaimsOf(r.book(), patience))
	return r.book()
}

// until waits for a condition of what was written.
func (r *rig) until(what string, holds func(oracle.Book) bool) oracle.Book {
	r.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		b := r.book()
		if holds(b) {
			return b
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("%s: not after %v", what, patience)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// ran waits until so many requests have begun to run.
func (r *rig) ran(n int) oracle.Book {
	r.t.Helper()
	return r.until(fmt.Sprintf("%d requests run", n), func(b oracle.Book) bool {
		return b.Count(func(r *oracle.Request) bool { return len(r.Runs) > 0 }) >= n
	})
}

// connect connects the test's own process, once.
func (r *rig) connect() *nats.Conn {
	r.t.Helper()
	if r.nc != nil {
		return r.nc
	}
	nc, err := nats.Connect(r.url, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(nc.Close)
	r.nc = nc
	return nc
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// messages is how many messages wait in the stream of requests; 0 if there is
// no such stream.
func (r *rig) messages() uint64 {
	r.t.Helper()
	js, err := jetstream.New(r.connect())
	if err != nil {
		r.t.Fatal(err)
	}
	s, err := js.Stream(within(r.t, patience), requests)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return s.CachedInfo().State.Msgs
}

// idle waits until no request waits or runs.
func (r *rig) idle() {
	r.t.Helper()
	deadline := time.Now().Add(patience)
	for r.messages() > 0 {
		if time.Now().After(deadline) {
			r.t.Fatalf("%d messages are left after %v", r.messages(), patience)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
