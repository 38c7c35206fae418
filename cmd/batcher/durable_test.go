//go:build unix

package main_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// A durable route answers as any other.
func TestDurableServesAsAlways(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, durableArgs(u, t.TempDir(), "--max-items=10")...)
	u.hold()
	var callers sync.WaitGroup
	for n := range 31 {
		callers.Go(func() { g.predict(n).want(t, n) })
	}
	g.counts(`batcher_items_pending{route="sum"}`, 31)
	g.counts(`batcher_batches_running{route="sum"}`, 1)
	u.release()
	callers.Wait()
	if calls := u.calls(); slices.Max(calls) != 10 || len(calls) > 8 {
		t.Errorf("31 requests became batches of %v, want few and at most 10", calls)
	}
	if r := g.ask(http.MethodPost, predictPath, `{"instances": 3}`); r.status != http.StatusOK || r.body != `{"predictions": 3}` {
		t.Errorf("what is no call gets %+v, want what the upstream says to it", r)
	}
	if r := post(g.url+"/v1/models/sum/metadata", "x"); r.body != "x" {
		t.Errorf("what is passed through gets %+v", r)
	}
	g.signal(syscall.SIGTERM)
	g.end(0)
}

// The upstream's own errors come through the queue as they are.
func TestDurableErrors(t *testing.T) {
	u := newUpstream(t)
	u.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "7")
		http.Error(w, "too hot", http.StatusServiceUnavailable)
	})
	u.Start()
	g := startGate(t, durableArgs(u, t.TempDir(), "--timeout=10s")...)
	if r := g.predict(1); r.status != 503 || r.header.Get("Retry-After") != "7" || r.body != "too hot\n" {
		t.Errorf("got %+v, want what the upstream said", r)
	}
	u.Close()
	if r := g.predict(1); r.status != http.StatusBadGateway {
		t.Errorf("got %+v, want 502", r)
	}
}

// An item over the limits of a batch fails its call, as without a queue, before
// any other is sent.
func TestDurableRefusesWhatIsOverTheLimits(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, durableArgs(u, t.TempDir(), "--max-batch-bytes=3")...)
	if r := g.ask(http.MethodPost, predictPath, `{"instances": [1, 1234]}`); r.status != http.StatusRequestEntityTooLarge {
		t.Errorf("got %+v, want 413", r)
	}
	if calls := u.calls(); len(calls) > 0 {
		t.Errorf("the upstream got batches of %v", calls)
	}
	if r := g.ask(http.MethodPost, predictPath, `{"instances": [1, 123]}`); r.status != http.StatusOK {
		t.Errorf("got %+v, want 200", r)
	}
}

func TestDurableAnswersLater(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, durableArgs(u, t.TempDir())...)
	u.hold()
	place := g.later(1, "one")
	if r := g.ask(http.MethodGet, place, "", "Prefer", "wait=0"); r.status != http.StatusAccepted || r.header.Get("Location") != place {
		t.Errorf("before there is an answer: %+v, want 202 with the same Location", r)
	}
	if again := g.later(1, "one"); again != place {
		t.Errorf("the same once more is at %s, want %s", again, place)
	}
	waiter := make(chan reply, 1)
	go func() { waiter <- g.ask(http.MethodGet, place, "", "Prefer", "wait=60") }()
	until(t, "the upstream is asked", func() bool { return len(u.calls()) > 0 })
	u.release()
	r := <-waiter
	r.want(t, 1)
	if !strings.Contains(r.header.Get("Server-Timing"), "size=1") || r.header.Get("Content-Type") != "application/json" {
		t.Errorf("the answer's header is %v", r.header)
	}
	g.ask(http.MethodGet, place, "").want(t, 1) // any number of times
	if got := len(u.calls()); got != 1 {
		t.Errorf("the upstream was asked %d times, want once", got)
	}
	g.counts(`batcher_requests_total{code="202",passed="false",route="(later)"}`, 3)
	g.counts(`batcher_requests_total{code="200",passed="false",route="(later)"}`, 2)
	g.hears(`msg=request method=POST path=/v1/models/sum:predict remote=127\.\S+ route=\(later\) status=202 took_ms=[0-9.]+ items=0 in=18 out=1\d\d `)
	g.hears(`msg=request method=GET path=` + place + ` remote=127\.\S+ route=\(later\) status=200 took_ms=[0-9.]+ items=0 in=0 out=19 `)
	g.hears(`msg=request method=POST path=/v1/models/sum:predict remote=\(later\) route=sum status=200 `) // its run
}

// A key counts together with what is asked for, and with the caller.
func TestDurableKeysOfDifferentRequests(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, durableArgs(u, t.TempDir(), "--headers=X-Tenant")...)
	places := []string{g.later(1, "one"), g.later(2, "one"), g.later(1, "two")}
	for _, header := range [][]string{{"Authorization", "Bearer a"}, {"X-Tenant", "a"}, {"X-Tenant", "b"}} {
		r := g.ask(http.MethodPost, predictPath, instance(1), append(header, "Prefer", "respond-async", "Idempotency-Key", "one")...)
		places = append(places, r.header.Get("Location"))
	}
	slices.Sort(places)
	if len(slices.Compact(slices.Clone(places))) != 6 {
		t.Errorf("6 requests are at %q", places)
	}
}

// Headers that a reload names count from then on.
func TestDurableKeysAfterAReload(t *testing.T) {
	u := startUpstream(t)
	text := func(headers string) string {
		return fmt.Sprintf("upstream: %s\nstore: %s\nroutes:\n  - {name: sum, protocol: kserve-v1, headers: [%s]}\n", u.URL, t.TempDir(), headers)
	}
	name := file(t, "batcher.yaml", text(""))
	g := startGate(t, "--config", name)
	replaceFile(t, name, text("X-Tenant"))
	g.counts(reloaded, 1)
	place := func(tenant string) string {
		r := g.ask(http.MethodPost, predictPath, instance(1), "Prefer", "respond-async", "Idempotency-Key", "one", "X-Tenant", tenant)
		return r.header.Get("Location")
	}
	if a, b := place("a"), place("b"); a == "" || a == b {
		t.Errorf("the requests of two tenants are at %q and %q", a, b)
	}
}

// What was asked with HEAD can be read with GET.
func TestDurableAnswersToHEAD(t *testing.T) {
	u := newUpstream(t)
	u.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		w.Header().Set("X-Own", "a")
	})
	u.Start()
	g := startGate(t, durableArgs(u, t.TempDir())...)
	place := g.ask(http.MethodHead, "/else", "", "Prefer", "respond-async", "Idempotency-Key", "one").header.Get("Location")
	if r := g.ask(http.MethodGet, place, ""); r.status != http.StatusOK || r.err != nil || r.header.Get("X-Own") != "a" {
		t.Errorf("got %+v", r)
	}
}

func TestDurablePreferences(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, durableArgs(u, t.TempDir())...)
	for _, header := range [][]string{{"Prefer", "respond-async"}, {"Idempotency-Key", "one"}, {"Prefer", "return=minimal", "Idempotency-Key", "one"}} {
		if r := g.ask(http.MethodPost, predictPath, instance(1), header...); r.status != http.StatusOK || r.body != prediction(1) {
			t.Errorf("%q gets %+v, want the answer as always", header, r)
		}
	}
	r := g.ask(http.MethodPost, predictPath, instance(1), "Prefer", `return=minimal, Respond-Async; foo="x", wait=5`, "Idempotency-Key", "one")
	if r.status != http.StatusAccepted {
		t.Errorf("got %+v, want 202", r)
	}
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{http.MethodGet, "/.batcher/later/nothing", http.StatusNotFound},
		{http.MethodDelete, r.header.Get("Location"), http.StatusMethodNotAllowed},
		{http.MethodGet, "/.batcher/later/" + strings.Repeat("x", 43) + "", http.StatusAccepted}, // nobody can say that it will not come
	} {
		if got := g.ask(c.method, c.path, "", "Prefer", "wait=0"); got.status != c.want {
			t.Errorf("%s %s gives %+v, want %d", c.method, c.path, got, c.want)
		}
	}
	long := g.ask(http.MethodPost, predictPath, instance(1)+strings.Repeat(" ", 800<<10), "Prefer", "respond-async", "Idempotency-Key", "long")
	if long.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a long request gets %+v, want 413", long)
	}
}

// A request that was accepted is answered, though the process dies before that.
func TestDurableSurvivesKill(t *testing.T) {
	u, dir := startUpstream(t), t.TempDir()
	g := startGate(t, durableArgs(u, dir)...)
	u.hold()
	var places []string
	for n := range 20 {
		places = append(places, g.later(n, fmt.Sprint("key ", n)))
	}
	g.dies()
	u.release()
	g = startGate(t, durableArgs(u, dir)...)
	for n, place := range places {
		g.ask(http.MethodGet, place, "", "Prefer", "wait=30").want(t, n)
	}
}

// Trouble that passes is not the answer to who does not wait; what is wrong
// with the request is.
func TestDurableTriesAgain(t *testing.T) {
	var asked atomic.Int64
	u := newUpstream(t)
	u.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch asked.Add(1) {
		case 1, 2:
			http.Error(w, "busy", http.StatusServiceUnavailable)
		case 3:
			http.Error(w, "no such model", http.StatusNotFound)
		default:
			t.Error("it is asked once more")
		}
	})
	u.Start()
	g := startGate(t, durableArgs(u, t.TempDir())...)
	if r := g.ask(http.MethodGet, g.later(1, "one"), "", "Prefer", "wait=30"); r.status != http.StatusNotFound || r.body != "no such model\n" {
		t.Errorf("got %+v, want the upstream's 404", r)
	}
}

func TestDurableStoreOfOneProcess(t *testing.T) {
	u, dir := startUpstream(t), t.TempDir()
	startGate(t, durableArgs(u, dir)...)
	said, err := exec.Command(built, append([]string{"serve", "--listen=127.0.0.1:0", "--admin-listen=off"}, durableArgs(u, dir)...)...).CombinedOutput()
	if err == nil || !strings.Contains(string(said), "--store: store: the directory is in use by another process: "+dir) {
		t.Errorf("%v: %s", err, said)
	}
}

func TestDurableFlags(t *testing.T) {
	empty := t.TempDir()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"serve", "--store=/x", "--nats=nats://x"}, "--nats: nats: there is a store too"},
		{[]string{"serve", "--work=false"}, "--work: work: nobody else can ask"},
		{[]string{"serve", "--queue-listen=127.0.0.1:1"}, "--queue-listen: queue.listen: needs store"},
		{[]string{"serve", "--queue-replicas=2", "--nats=nats://x"}, "queue.replicas: 2 is none of 1, 3 and 5"},
		{[]string{"serve", "--queue-replicas=3"}, "queue.replicas: more than one needs nats"},
		{[]string{"serve", "--queue-namespace=a.b"}, "queue.namespace:"},
		{[]string{"serve", "--queue-credentials=/x"}, "queue.credentials: needs nats"},
		{[]string{"serve", "--queue-tries=1", "--queue-max-bytes=1", "--queue-result-ttl=1ms"}, "queue.tries: must be 2 to 499999"},
		{[]string{"serve", "--nats=nats://user:secret@127.0.0.1:1, token@localhost:1"}, "--nats: nats: no connection to nats://127.0.0.1:1, nats://localhost:1: no servers available for connection; there must be one at the start"},
		{[]string{"serve", "--store=/dev/null/x"}, "--store: store: "},
		{[]string{"worker"}, "nats: a worker needs it"},
		{[]string{"dlq", "list"}, "there are dead letters only with --store or --nats"},
		{[]string{"dlq", "list", "--store=/x", "--route=none"}, `there is no route "none"`},
		{[]string{"dlq", "list", "--store=" + t.TempDir() + "/none"}, "--store: store: there is no queue in"},
		{[]string{"dlq", "list", "--store=" + empty}, "--store: store: there is no queue in " + empty},
	} {
		o := run("", append(c.args, "--upstream=http://127.0.0.1:1", "--protocol=kserve-v1")...)
		if o.status != 1 || !strings.Contains(o.stderr, c.want) {
			t.Errorf("%q: status %d, %s; want %q", c.args, o.status, o.stderr, c.want)
		}
	}
	if made, err := os.ReadDir(empty); err != nil || len(made) > 0 {
		t.Errorf("dlq has made %v, %v", made, err)
	}
	run("", "dlq", "retry").checkUsage(t, "which ones?")
	run("", "dlq", "drop", "many").checkUsage(t, `"many" is neither the number of a dead letter nor all`)
}

// A reload changes neither the queue nor who waits.
func TestDurableReload(t *testing.T) {
	u := startUpstream(t)
	name := file(t, "batcher.yaml", configuration(u.URL, 5)+"store: "+t.TempDir()+"\n")
	g := startGate(t, "--config", name, "--log-access=false")
	held := g.waiting(u, 0)
	u.release()
	stop := g.load(4)
	text := strings.Replace(g.configured(name), "max-items: 5", "max-items: 7", 1)
	for i := range 3 {
		replaceFile(t, name, text+strings.Repeat("\n", i))
		until(t, "the reload is counted", func() bool { return g.metric(reloaded) > float64(i) })
	}
	stop()
	r := <-held
	r.want(t, 0)
	g.signal(syscall.SIGTERM)
	g.end(0)
}

// The workers of a configuration that is not taken over may have taken requests
// before its fault was found. They finish them or hand them back.
func TestDurableReloadOfAWrongRouteLosesNoRequest(t *testing.T) {
	u := startUpstream(t)
	text := fmt.Sprintf("store: %s\nupstream: %s\nroutes:\n  - {name: sum, protocol: kserve-v1, max-items: 1}\n", t.TempDir(), u.URL)
	name := file(t, "batcher.yaml", text)
	g := startGate(t, "--config", name, "--log-access=false")
	writeFile(t, name, text+"  - {name: wrong, pattern: /wrong, protocol: exec, command: [no-such-program]}\n")
	stop := g.load(16)
	for range 10 {
		before := g.metric(`batcher_config_reloads_total{ok="false"}`)
		g.signal(syscall.SIGHUP)
		until(t, "the reload has failed", func() bool { return g.metric(`batcher_config_reloads_total{ok="false"}`) > before })
	}
	stop()
	g.counts(`batcher_worker_redelivered_total{route="sum"}`, 0)
	g.signal(syscall.SIGTERM)
	g.end(0)
}

// What workers have done stays counted when a reload ends them, also while they finish,
// and when their route is no more.
func TestDurableCountersOutliveAReload(t *testing.T) {
	old, next := startUpstream(t), startUpstream(t)
	store := t.TempDir()
	text := func(u *upstream, route string) string {
		return fmt.Sprintf("store: %s\nroutes:\n  - {name: %s, protocol: kserve-v1, upstream: %s}\n", store, route, u.URL)
	}
	name := file(t, "batcher.yaml", text(old, "sum"))
	g := startGate(t, "--config", name)
	g.predict(1).want(t, 1)
	answer := g.waiting(old, 2)
	for i, route := range []string{"sum", "other"} {
		replaceFile(t, name, text(next, route))
		g.counts(reloaded, float64(i+1))
		g.counts(`batcher_worker_items_total{route="sum"}`, 2) // counted when they began to run
	}
	g.predict(3).want(t, 3)
	g.counts(`batcher_worker_items_total{route="other"}`, 1)
	old.release()
	r := <-answer
	r.want(t, 2)
	for _, name := range []string{"items", "batches", "messages"} {
		g.counts(`batcher_worker_`+name+`_total{route="sum"}`, 2)
	}
}
