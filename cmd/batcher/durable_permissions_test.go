//go:build unix

package main_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// permittedNATS runs a server with the permissions that the document gives, and gives its
// URL for a user.
func permittedNATS(t *testing.T) func(user string) (url string) {
	t.Helper()
	doc, err := os.ReadFile("../../docs/gateway.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```conf\n(authorization.*?)```").FindSubmatch(doc)
	if block == nil {
		t.Fatal("docs/gateway.md has no permissions")
	}
	file := filepath.Join(t.TempDir(), "server.conf")
	writeFile(t, file, string(block[1]))
	for _, user := range []string{"GATEWAY", "WORKER", "BOTH", "DLQ"} {
		t.Setenv(user+"_PASSWORD", "secret")
	}
	opts, err := server.ProcessConfigFile(file)
	if err != nil {
		t.Fatal(err)
	}
	opts.Host, opts.Port, opts.JetStream, opts.StoreDir = "127.0.0.1", server.RANDOM_PORT, true, t.TempDir()
	opts.NoSigs, opts.NoLog = true, true
	s, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("the server is not ready")
	}
	return func(user string) string {
		return strings.Replace(s.ClientURL(), "nats://", "nats://"+user+":secret@", 1)
	}
}

// Every command can do its work with the permissions that are documented for it.
func TestDurableDocumentedPermissionsSuffice(t *testing.T) {
	url, u := permittedNATS(t), startUpstream(t)
	args := func(user string) []string {
		return []string{"--nats", url(user), "--upstream", u.URL, "--protocol", "kserve-v1", "--name", "score", "--queue-tries=2"}
	}
	all := []*gate{startGate(t, args("both")...)} // makes the streams
	check := func(g *gate, key string) {
		t.Helper()
		g.predict(1).want(t, 1)
		place := g.later(2, key)
		r := g.ask(http.MethodGet, place, "", "Prefer", "wait=60")
		r.want(t, 2)
	}
	check(all[0], "both")
	all[0].signal(syscall.SIGTERM)
	all[0].end(0)
	g := startGate(t, append(args("gateway"), "--work=false")...)
	w := startWorker(t, args("worker")...)
	all = append(all, g, w)
	check(g, "apart")
	for _, each := range []*gate{g, w} {
		if ready, why := each.ready(); !ready {
			t.Errorf("not ready: %s", why)
		}
		each.counts(`batcher_queue_messages{priority="normal",route="score",state="waiting"}`, 0)
		each.counts(`batcher_dead_letters{route="score"}`, 0)
	}
	u.Close() // so that requests die
	for _, key := range []string{"one", "two"} {
		g.later(3, key)
	}
	g.counts(`batcher_dead_letters{route="(later)"}`, 2)
	dlq := func(verb ...string) string {
		t.Helper()
		o := run("", append(append([]string{"dlq"}, verb...), args("dlq")...)...)
		if o.status != 0 {
			t.Errorf("dlq %q: %+v", verb, o)
		}
		return o.stdout
	}
	first, _, _ := strings.Cut(dlq("list"), "\t")
	if got := dlq("drop", first); got != "1 dropped\n" {
		t.Errorf("dlq drop: %q", got)
	}
	if got := dlq("retry", "all"); got != "1 given back\n" {
		t.Errorf("dlq retry: %q", got)
	}
	for _, each := range all {
		if said := each.said(); strings.Contains(said, "complains") {
			t.Errorf("it lacks a permission:\n%s", said)
		}
	}
}
