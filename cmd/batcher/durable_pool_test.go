//go:build unix

package main_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// TestDurablePools has two gateways on one queue: their requests meet in one
// batch.
func TestDurablePools(t *testing.T) {
	u := startUpstream(t)
	one := startGate(t, durableArgs(u, t.TempDir(), "--queue-listen=127.0.0.1:0", "--max-items=100")...)
	two := startGate(t, "--nats", one.queue(), "--work=false", "--upstream", u.URL, "--protocol", "kserve-v1", "--name", "sum", "--max-items=100")
	two.hears(`msg=durable store="" queue=` + one.queue())
	answer := one.waiting(u, 0)
	var callers sync.WaitGroup
	for n := range 10 {
		callers.Go(func() { one.predict(n).want(t, n) })
		callers.Go(func() { two.predict(n).want(t, n) })
	}
	one.counts(`batcher_items_pending{route="sum"}`, 11)
	two.counts(`batcher_items_pending{route="sum"}`, 10)
	until(t, "the worker holds them all", func() bool {
		return one.metric(`batcher_queue_messages{priority="normal",route="sum",state="waiting"}`) == 0
	})
	u.release()
	r := <-answer
	r.want(t, 0)
	callers.Wait()
	if calls := u.calls(); slices.Max(calls) < 11 {
		t.Errorf("10 requests of each gateway became batches of %v, want one with some of both", calls)
	}
	if got := two.metric(`batcher_worker_batches_total{route="sum"}`); got != 0 {
		t.Errorf("who does not work has run %v batches", got)
	}
}

// TestDurableWorker has the upstream asked by workers elsewhere, of which one
// ends in the middle of a batch.
func TestDurableWorker(t *testing.T) {
	u := startUpstream(t)
	server := startGate(t, durableArgs(u, t.TempDir(), "--queue-listen=127.0.0.1:0")...)
	args := []string{"--nats", server.queue(), "--queue-namespace=elsewhere", "--upstream", u.URL, "--protocol", "kserve-v1", "--name", "sum"}
	g := startGate(t, append(args, "--work=false")...)
	first := startWorker(t, args...)
	if ready, why := first.ready(); !ready {
		t.Errorf("the worker is not ready: %s", why)
	}
	answer := g.waiting(u, 1)
	if got := first.metric(`batcher_worker_messages_total{route="sum"}`); got != 1 {
		t.Errorf("the worker has taken %v messages, want 1", got)
	}
	second := startWorker(t, args...)
	first.signal(syscall.SIGTERM)
	first.hears("msg=draining")
	u.release()
	r := <-answer
	r.want(t, 1)
	first.end(0)
	g.predict(2).want(t, 2)
	if got := second.metric(`batcher_worker_items_total{route="sum"}`); got != 1 {
		t.Errorf("the other worker has answered %v, want 1", got)
	}
}

// Readiness sees that the queue stands still, though connections are open.
func TestDurableReadinessSeesAFrozenQueue(t *testing.T) {
	u := startUpstream(t)
	server := startGate(t, durableArgs(u, t.TempDir(), "--queue-listen=127.0.0.1:0")...)
	g := startGate(t, "--nats", server.queue(), "--upstream", u.URL, "--protocol", "kserve-v1", "--name", "sum")
	if ready, why := g.ready(); !ready {
		t.Errorf("not ready: %s", why)
	}
	server.signal(syscall.SIGSTOP)
	var why string
	until(t, "it is not ready", func() bool { // all threads stop soon
		var ready bool
		ready, why = g.ready()
		return !ready
	})
	server.signal(syscall.SIGCONT)
	if !strings.Contains(why, "route sum: natsbatch: unhealthy") {
		t.Errorf("it says %q, though the queue is frozen", why)
	}
	until(t, "it is ready again", func() bool { ready, _ := g.ready(); return ready })
}

// A request that cannot be processed is seen by operators, who can have it
// tried again or drop it.
func TestDurableDeadLetters(t *testing.T) {
	u := newUpstream(t)
	down := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "out of order", http.StatusServiceUnavailable)
	})
	u.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.mu.Lock()
		held := u.held != nil
		u.mu.Unlock()
		if held {
			down(w, r)
			return
		}
		u.ServeHTTP(w, r)
	})
	u.Start()
	g := startGate(t, durableArgs(u, t.TempDir(), "--queue-listen=127.0.0.1:0", "--queue-tries=3")...)
	dlq := func(args ...string) outcome {
		t.Helper()
		o := run("", append(append([]string{"dlq"}, args...), "--nats", g.queue(), "--upstream", u.URL, "--protocol", "kserve-v1", "--name", "sum")...)
		if o.stderr != "" && o.status == 0 {
			t.Errorf("dlq %q: %s", args, o.stderr)
		}
		return o
	}
	u.hold() // here: it is out of order
	one, two := g.later(1, "one"), g.later(2, "two")
	for _, place := range []string{one, two} {
		if r := g.ask(http.MethodGet, place, "", "Prefer", "wait=30"); r.status != http.StatusBadGateway || !strings.Contains(r.body, "batcher dlq") {
			t.Errorf("got %+v, want 502 that names dlq", r)
		}
	}
	g.counts(`batcher_requests_total{code="502",passed="false",route="(later)"}`, 2)
	g.counts(`batcher_dead_letters{route="(later)"}`, 2)
	listed := dlq("list")
	lines := strings.Split(strings.TrimSpace(listed.stdout), "\n")
	if want := regexp.MustCompile(`^\d+\t\S+Z\t3 tries\t\(later\)\tstatus 503: out of order\tPOST /v1/models/sum:predict \{"instances": \[[12]\]\}$`); len(lines) != 2 || !want.MatchString(lines[0]) {
		t.Fatalf("dlq list: %+v", listed)
	}
	if o := dlq("list", "--route=sum"); o.stdout != "" {
		t.Errorf("of the route itself: %q", o.stdout)
	}
	if o := dlq("drop", "999"); o.status != 1 || !strings.Contains(o.stderr, "no such dead letters: [999]") {
		t.Errorf("dlq drop of one that there is not: %+v", o)
	}
	u.release()
	first, _, _ := strings.Cut(lines[0], "\t")
	if o := dlq("retry", first); o.stdout != "1 given back\n" {
		t.Errorf("dlq retry: %+v", o)
	}
	tried := 0
	for n, place := range []string{one, two} {
		if r := g.ask(http.MethodGet, place, "", "Prefer", "wait=30"); r.status == http.StatusOK {
			r.want(t, n+1)
			tried++
		}
	}
	if tried != 1 {
		t.Errorf("%d of them are answered, want 1", tried)
	}
	if o := dlq("drop", "all"); o.stdout != "1 dropped\n" {
		t.Errorf("dlq drop: %+v", o)
	}
	g.counts(`batcher_dead_letters{route="(later)"}`, 0)
}

// A letter that cannot be given back holds up no other.
func TestDurableDeadLetterThatCannotBeRead(t *testing.T) {
	u := newUpstream(t)
	var up atomic.Bool
	u.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !up.Load() {
			http.Error(w, "out of order", http.StatusServiceUnavailable)
			return
		}
		u.ServeHTTP(w, r)
	})
	u.Start()
	g := startGate(t, durableArgs(u, t.TempDir(), "--queue-listen=127.0.0.1:0", "--queue-tries=3")...)
	if err := connected(t, g.queue()).Publish("bq.main.req._later.normal", []byte("\x01hello")); err != nil {
		t.Fatal(err)
	}
	g.counts(`batcher_dead_letters{route="(later)"}`, 1)
	place := g.later(1, "one")
	g.counts(`batcher_dead_letters{route="(later)"}`, 2)
	up.Store(true)
	o := run("", "dlq", "retry", "all", "--nats", g.queue(), "--upstream", u.URL, "--protocol", "kserve-v1", "--name", "sum")
	if o.status != 1 || o.stdout != "1 given back\n" || !strings.Contains(o.stderr, "dead letter 1 cannot be retried") {
		t.Errorf("dlq retry all: %+v", o)
	}
	g.ask(http.MethodGet, place, "", "Prefer", "wait=30").want(t, 1)
}

// connected connects to the server of the queues.
func connected(t *testing.T, url string) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// streamsAt gives the streams of the queues at a server.
func streamsAt(t *testing.T, url string) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(connected(t, url))
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// The dead letters of a queue that there is not are an error, and make none.
func TestDurableDeadLettersOfNoQueue(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, durableArgs(u, t.TempDir(), "--queue-listen=127.0.0.1:0")...)
	dlq := func(args ...string) outcome {
		return run("", append(append([]string{"dlq"}, args...), "--nats", g.queue(), "--upstream", u.URL, "--protocol", "kserve-v1")...)
	}
	for _, verb := range [][]string{{"list"}, {"retry", "all"}, {"drop", "1"}} {
		o := dlq(append(verb, "--queue-namespace=mistyped")...)
		o.check(t, 1, "", "batcher: dlq: in namespace \"mistyped\" there is no queue of any route\n")
		o = dlq(append(verb, "--name=new", "--route=new")...)
		o.check(t, 1, "", "batcher: dlq: in namespace \"main\" there is no queue of route new\n")
	}
	dlq("list", "--name=new").check(t, 0, "", "")
	streams := streamsAt(t, g.queue()).ListStreams(t.Context())
	for s := range streams.Info() {
		if s.Config.Name == "bq_main_req" && s.State.Consumers != 8 || !strings.HasPrefix(s.Config.Name, "bq_main_") {
			t.Errorf("there is a stream %s with %d consumers", s.Config.Name, s.State.Consumers)
		}
	}
	if err := streams.Err(); err != nil {
		t.Error(err)
	}
}

// The queue of those that nobody waits for is no route's, whatever the route's
// name is.
func TestDurableRouteOfAnyName(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, "--store", t.TempDir(), "--upstream", u.URL, "--protocol", "kserve-v1", "--name", "_later")
	for n := range 4 {
		g.ask(http.MethodGet, g.later(n, fmt.Sprint(n)), "", "Prefer", "wait=30").want(t, n)
		g.predict(n).want(t, n)
	}
}
