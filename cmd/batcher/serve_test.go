//go:build unix

package main_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	program "github.com/gobatcher/batcher/cmd/batcher"
)

func TestServeOneRoute(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1", "--max-items", "10")
	u.hold()
	var callers sync.WaitGroup
	for n := range 21 {
		callers.Go(func() { g.predict(n).want(t, n) })
	}
	g.counts(`batcher_items_pending{route="/"}`, 21)
	u.release()
	callers.Wait()
	if calls := u.calls(); len(calls) > 4 || slices.Max(calls) != 10 {
		t.Errorf("21 requests became batches of %v, want 3 or 4 of at most 10", calls)
	}
}

// What each caller is told is in the log and the metrics too.
func TestServeExplains(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1", "--name", "sum")
	r := g.predict(7)
	r.want(t, 7)
	found := regexp.MustCompile(`^queue;dur=[0-9.]+, upstream;dur=[0-9.]+, batch;desc="id=(\S+) size=1 trigger=idle"$`).FindStringSubmatch(r.header.Get("Server-Timing"))
	if found == nil {
		t.Fatalf("Server-Timing is %q", r.header.Get("Server-Timing"))
	}
	g.hears(`msg=request method=POST path=/v1/models/sum:predict remote=\S+ route=sum status=200 took_ms=[0-9.]+ items=1 in=18 out=19 ` +
		`queued_ms=[0-9.]+ upstream_ms=[0-9.]+ batch=` + found[1] + ` batch_size=1 trigger=idle`)
	for line, want := range map[string]float64{
		`batcher_requests_total{code="200",passed="false",route="sum"}`:  1,
		`batcher_batches_total{route="sum",status="200",trigger="idle"}`: 1,
		`batcher_batch_items_sum{route="sum"}`:                           1,
		`batcher_request_duration_seconds_count{route="sum"}`:            1,
		`batcher_request_queue_seconds_count{route="sum"}`:               1,
		`batcher_upstream_duration_seconds_count{route="sum"}`:           1,
		`batcher_request_bytes_total{route="sum"}`:                       18,
		`batcher_response_bytes_total{route="sum"}`:                      19,
		`batcher_items_pending{route="sum"}`:                             0,
		`batcher_batches_running{route="sum"}`:                           0,
	} {
		g.counts(line, want)
	}
}

// What is not a call is passed through, and counted and logged as that.
func TestServePassesThrough(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1")
	if r := post(g.url+"/v1/models/sum/metadata", "x"); r.status != 200 || r.body != "x" {
		t.Errorf("got %+v", r)
	}
	g.counts(`batcher_requests_total{code="200",passed="true",route="/"}`, 1)
	g.hears(`path=/v1/models/sum/metadata .* status=200 .* passed=true`)
}

func TestServeRoutesOfAFile(t *testing.T) {
	one, two := startUpstream(t), startUpstream(t)
	g := startGate(t, "--config", file(t, "batcher.yaml", fmt.Sprintf(`
routes:
  - {name: one, pattern: /one/, protocol: kserve-v1, upstream: %q}
  - {name: two, pattern: /two/, protocol: json-array, upstream: %q, items: /in, results: /in}
`, one.URL, two.URL)))
	if r := post(g.url+"/one/m:predict", instance(1)); r.body != prediction(1) {
		t.Errorf("got %+v", r)
	}
	if r := post(g.url+"/two/m", `{"in":[1,2]}`); r.body != `{"in":[1,2]}` {
		t.Errorf("got %+v", r)
	}
	if r := post(g.url+"/three", "x"); r.status != http.StatusNotFound {
		t.Errorf("what matches no route got %+v, want 404", r)
	}
	if len(one.calls()) != 1 || len(two.calls()) != 1 {
		t.Errorf("the upstreams got %v and %v calls, want one each", one.calls(), two.calls())
	}
}

// A program takes the place of an upstream.
func TestServeProgram(t *testing.T) {
	g := startGate(t, "--protocol", "exec", "--command", "cat")
	if r := post(g.url, `[9007199254740993, "b"]`); r.body != `[9007199254740993, "b"]` && r.body != `[9007199254740993,"b"]` {
		t.Errorf("got %+v", r)
	}
	if status, _ := get(t, g.admin+"/readyz"); status != 200 {
		t.Errorf("/readyz gives %d", status)
	}
}

// alone is a standard error that is told of writes at the same time. Each takes longer
// than a line of the log waits for others.
type alone struct {
	listener
	writing atomic.Bool
	shared  atomic.Bool
}

func (a *alone) Write(p []byte) (int, error) {
	if !a.writing.CompareAndSwap(false, true) {
		a.shared.Store(true)
	}
	defer a.writing.Store(false)
	time.Sleep(200 * time.Millisecond)
	return a.listener.Write(p)
}

// A standard error that is no file gets what programs say, and the log, in turn.
func TestServeSharesStandardError(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	var stderr alone
	status := make(chan int)
	go func() {
		status <- program.Run(ctx, []string{"serve", "--listen=127.0.0.1:0", "--admin-listen=off", "--protocol=exec",
			"--command=sh,-c,while read -r line; do echo said >&2; echo \"$line\"; done"}, nil, io.Discard, &stderr)
	}()
	address := regexp.MustCompile(`msg=serving address=(\S+)`)
	until(t, "it serves", func() bool { return address.MatchString(stderr.String()) })
	url := "http://" + address.FindStringSubmatch(stderr.String())[1]
	for range 3 {
		if r := post(url, `["a"]`); r.body != `["a"]` {
			t.Errorf("got %+v", r)
		}
	}
	end()
	if got := <-status; got != 0 {
		t.Errorf("status %d", got)
	}
	if said := stderr.String(); strings.Count(said, "said\n") != 3 || strings.Count(said, "msg=request") != 3 {
		t.Errorf("it said:\n%s", said)
	}
	if stderr.shared.Load() {
		t.Error("several wrote at the same time")
	}
}

// Nothing that may be secret gets into the log, whatever goes wrong.
func TestServeLogsNoSecrets(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1", "--log-level", "debug", "--log-format", "json",
		"--tokens", file(t, "tokens", "secret1\n"), "--max-body", "100")
	ask := func(path, token, body string) {
		req, err := http.NewRequest(http.MethodPost, g.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("X-Secret", "secret2")
		do(http.DefaultClient, req)
	}
	ask("/v1/models/sum:predict?key=secret3", "secret1", `{"instances": ["secret4"]}`)
	ask("/v1/models/sum:predict?key=secret3", "secret5", `{"instances": ["secret4"]}`)
	ask("/v1/models/sum:predict?key=secret3", "secret1", `{"instances": secret4}`)
	ask("/v1/models/sum:predict?key=secret3", "secret1", `{"instances": ["secret4`+strings.Repeat(" ", 100)+`"]}`)
	u.Close()
	ask("/v1/models/sum:predict?key=secret3", "secret1", `{"instances": ["secret4"]}`)
	g.hears(`"msg":"request".*"status":200`)
	g.hears(`"msg":"request".*"status":400`)
	g.hears(`"msg":"request".*"status":413`)
	g.hears(`"msg":"request".*"status":502.*"err":"`)
	if said := g.said(); strings.Contains(said, "secret") {
		t.Errorf("the log holds a secret:\n%s", said)
	}
}

func TestServeWithoutAccessLog(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1", "--log-access=false")
	g.predict(1).want(t, 1)
	g.counts(`batcher_requests_total{code="200",passed="false",route="/"}`, 1)
	if strings.Contains(g.said(), "msg=request") {
		t.Errorf("it said:\n%s", g.said())
	}
}

// An error at the start ends serve at once, with a text that says where it is.
func TestServeFails(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().String()
	route := []string{"--upstream=http://127.0.0.1:1", "--protocol=kserve-v1"}
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "give --config FILE, or --protocol NAME with --upstream URL or --command PROGRAM"},
		{append(route, "--listen", port), "--listen: listen: listen tcp " + port},
		{append(route, "--listen=127.0.0.1:0", "--admin-listen", port), "--admin-listen: admin.listen: listen tcp " + port},
		{append(route, "--tokens=/none"), "--tokens: tokens: open /none"},
		{append(route, "--tokens="+file(t, "tokens", "# none\n\n")), "holds no token"},
		{append(route, "--tokens="+file(t, "tokens", "a # of Ann\n")), "holds a line with a space in it"},
		{append(route, "--upstream-token=/none"), "--upstream-token: upstream-token: open /none"},
		{append(route, "--upstream-token="+file(t, "token", "a b\n")), "holds no token, or more than one"},
		{append(route, "--tokens=/dev/zero"), "--tokens: tokens: /dev/zero is longer than 1MiB"},
		{append(route, "--upstream-token="+file(t, "token", strings.Repeat("a", 1<<20+1))), "token is longer than 1MiB"},
		{append(route, "--upstream-tls-ca=/dev/zero"), "--upstream-tls-ca: upstream-tls.ca: /dev/zero is longer than 1MiB"},
		{append(route, "--tls-cert=/none", "--tls-key=/none"), "--tls-cert: tls.cert: open /none"},
		{append(route, "--upstream-tls-ca=/none"), "--upstream-tls-ca: upstream-tls.ca: open /none"},
		{append(route, "--upstream-tls-ca="+file(t, "ca.pem", "x")), "holds no certificate in PEM"},
		{append(route, "--config=/none"), "open /none"},
		{append(route, "--config="+file(t, "b.yaml", "x: 1\n")), "b.yaml:1:1: no such key: x"},
	} {
		said, err := exec.Command(built, append([]string{"serve"}, c.args...)...).CombinedOutput()
		if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 1 || !strings.Contains(string(said), c.want) {
			t.Errorf("%v: %v, it said:\n%swant %q", c.args, err, said, c.want)
		}
	}
	run("", "serve", "--nope").checkUsage(t, "--nope")
	run("", "serve", "--delay=soon").checkUsage(t, "--delay", "soon")
	run("", "serve", "upstream").checkUsage(t, `"upstream"`)
}
