package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// Crash is the demonstration that nothing is lost. All fields must be set.
type Crash struct {
	Program  string // this one, to be run as the gateway
	Store    string // its folder
	Requests int
	Callers  int
	Cost     Cost
	Out      io.Writer
}

// crashTime is how long the whole may take.
const crashTime = 2 * time.Minute

// Run submits requests that nobody waits for, kills the gateway in the middle of
// them as kill -9 does, starts it again, and counts what has become of each. It
// fails if one was lost. When ctx ends, it stops and returns nil.
func (c Crash) Run(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, crashTime, fmt.Errorf("not done within %v", crashTime))
	defer cancel()
	if err := os.MkdirAll(c.Store, 0o700); err != nil {
		return err
	}
	var up servers
	defer up.close()
	upstream := newLedger(c.Cost)
	url, err := up.serve("127.0.0.1:0", upstream)
	if err != nil {
		return err
	}
	gate := &child{program: c.Program, args: []string{"serve", "--store", c.Store, "--upstream", url, "--protocol", "kserve-v1", "--name", "demo",
		"--listen", "127.0.0.1:0", "--admin-listen", "off", "--log-access=false"}}
	if err := gate.start(ctx); err != nil {
		return err
	}
	defer gate.stop()
	fmt.Fprintf(c.Out, "The gateway keeps requests in %s. %d callers hand in %d requests with \"Prefer: respond-async\".\n", c.Store, c.Callers, c.Requests)
	run := &crashRun{Crash: c, ctx: ctx, gate: gate, upstream: upstream, name: time.Now().UTC().Format("20060102T150405.000000"), places: make([]string, c.Requests)}
	err = run.all()
	if ctx.Err() != nil && !errors.Is(context.Cause(ctx), context.DeadlineExceeded) && err != nil {
		return nil // it was interrupted
	}
	return err
}

// crashRun is one run of a Crash.
type crashRun struct {
	Crash
	ctx      context.Context
	gate     *child
	upstream *ledger
	name     string // of the run: what is in the store may be older

	mu       sync.Mutex
	next     int      // request to be handed in; guarded by mu
	accepted int      // guarded by mu
	refused  int      // tries without an answer; guarded by mu
	places   []string // where each request's answer will be
}

func (r *crashRun) all() error {
	killed := make(chan error, 1)
	var callers sync.WaitGroup
	for range r.Callers {
		callers.Go(func() {
			for i, ok := r.take(); ok; i, ok = r.take() {
				r.handIn(i)
			}
		})
	}
	go func() { killed <- r.kill() }()
	callers.Wait()
	if err := <-killed; err != nil {
		return err
	}
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	fmt.Fprintf(r.Out, "All %d requests have been accepted; %d tries in between found nobody there, and were repeated.\n", r.accepted, r.refused)
	fmt.Fprintln(r.Out, "What the killed gateway had begun comes back after 5 seconds.")
	return r.collect()
}

// take returns the next request to be submitted, if there is one.
func (r *crashRun) take() (i int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next >= r.Requests || r.ctx.Err() != nil {
		return 0, false
	}
	r.next++
	return r.next - 1, true
}

// handIn submits request i until it is accepted.
func (r *crashRun) handIn(i int) {
	for r.ctx.Err() == nil {
		place, err := handIn(r.ctx, r.gate.url(), fmt.Sprintf("%s-%d", r.name, i), i)
		r.mu.Lock()
		if err == nil {
			r.places[i] = place
			r.accepted++
			r.mu.Unlock()
			return
		}
		r.refused++
		r.mu.Unlock()
		rest(r.ctx, 20*time.Millisecond)
	}
}

// kill ends the gateway when half of the requests are accepted, and starts
// another one.
func (r *crashRun) kill() error {
	for r.counted() < r.Requests/2 {
		if !rest(r.ctx, time.Millisecond) {
			return nil
		}
	}
	r.gate.kill()
	accepted, answered := r.counted(), r.upstream.distinct()
	fmt.Fprintf(r.Out, "kill -9 after %d were accepted; the upstream had seen %d of them.\n", accepted, answered)
	began := time.Now()
	if err := r.gate.start(r.ctx); err != nil {
		return err
	}
	fmt.Fprintf(r.Out, "Started again, after %d ms.\n", time.Since(began).Milliseconds())
	return nil
}

func (r *crashRun) counted() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.accepted
}

// collect reads every answer, and prints how many are right.
func (r *crashRun) collect() error {
	right, wrong, lost := 0, 0, 0
	for i, place := range r.places {
		switch got, err := collect(r.ctx, r.gate.url()+place, i); {
		case r.ctx.Err() != nil:
			return context.Cause(r.ctx)
		case err != nil:
			lost++
			fmt.Fprintf(r.Out, "Request %d: %v\n", i, err)
		case got:
			right++
		default:
			wrong++
		}
	}
	fmt.Fprintf(r.Out, "\nAccepted %d, answered %d, wrong %d, lost %d. The upstream was asked %d times for %.1f items on average; items that ran more than once: %d.\n",
		r.accepted, right, wrong, lost, r.upstream.calls.Load(), float64(r.upstream.items.Load())/float64(max(1, r.upstream.calls.Load())), r.upstream.repeated())
	if wrong+lost > 0 {
		return fmt.Errorf("%d of %d accepted requests have no right answer", wrong+lost, r.accepted)
	}
	return nil
}

// rest waits for d, and reports whether ctx has not ended meanwhile.
func rest(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
