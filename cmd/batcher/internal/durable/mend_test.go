package durable

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
	"github.com/nats-io/nats-server/v2/server"
)

// serveNATS runs a server with an empty store at a port, -1 for any, and with
// permissions if auth is not "". It gives its URL, and what ends it.
func serveNATS(t *testing.T, port int, auth string) (url string, end func()) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "server.conf")
	text := fmt.Sprintf("listen: '127.0.0.1:%d'\njetstream {store_dir: '%s'}\n%s", port, t.TempDir(), auth)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	opts, err := server.ProcessConfigFile(file)
	if err != nil {
		t.Fatal(err)
	}
	opts.NoSigs, opts.NoLog = true, true
	s, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	end = func() { s.Shutdown(); s.WaitForShutdown() }
	t.Cleanup(end)
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("the server is not ready")
	}
	return s.ClientURL(), end
}

// portOf gives the port of a server's URL.
func portOf(t *testing.T, url string) (port int) {
	t.Helper()
	if _, err := fmt.Sscanf(url[strings.LastIndexByte(url, ':')+1:], "%d", &port); err != nil {
		t.Fatal(err)
	}
	return port
}

// heard opens the queue of a route at a server, and gives what is told of it.
func heard(t *testing.T, url string) (link *Link, told <-chan string) {
	t.Helper()
	c := config.Default()
	c.NATS = url
	all := make(chan string, 1000)
	link, err := Open(t.Context(), c, func(level slog.Level, msg, text string) { all <- fmt.Sprintf("%v %s: %s", level, msg, text) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(link.Close)
	if _, err := link.admin(t.Context(), routeQueue(c, "sum")); err != nil {
		t.Fatal(err)
	}
	return link, all
}

// hears waits until something is told that begins so.
func hears(t *testing.T, told <-chan string, want string) string {
	t.Helper()
	for limit := time.After(time.Minute); ; {
		select {
		case got := <-told:
			if strings.HasPrefix(got, want) {
				return got
			}
		case <-limit:
			t.Fatalf("nobody says %q", want)
		}
	}
}

// What a server has lost with its store is made again when it is back, and that is told.
func TestAServerThatComesBackEmpty(t *testing.T) {
	t.Parallel()
	url, end := serveNATS(t, -1, "")
	link, told := heard(t, url)
	end()
	serveNATS(t, portOf(t, url), "")
	hears(t, told, "WARN queues were missing and have been made again; what was in them is lost: missing: sum")
	for _, q := range link.used.queues() {
		a, err := link.admin(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Health(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// Of a queue that is no longer used nothing is made again.
func TestAServerThatComesBackEmptyAfterAReload(t *testing.T) {
	t.Parallel()
	url, end := serveNATS(t, -1, "")
	link, told := heard(t, url)
	routes := NewRoutes(link)
	c := config.Default()
	if _, err := routes.at(c, "gone"); err != nil {
		t.Fatal(err)
	}
	if err := routes.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	end()
	serveNATS(t, portOf(t, url), "")
	if got := hears(t, told, "WARN queues"); !strings.HasSuffix(got, ": sum") {
		t.Errorf("it says %q", got)
	}
}

// What may not be made again is told, with what is missing and why, and that it is there
// again.
func TestAServerThatComesBackEmptyWithoutPermission(t *testing.T) {
	t.Parallel()
	const limited = `authorization {users: [
		{user: a, password: a, permissions: {publish: {deny: ["$JS.API.STREAM.CREATE.>"]}}},
		{user: b, password: b}]}`
	url, end := serveNATS(t, -1, "authorization {users: [{user: a, password: a}]}")
	as := func(user string) string { return strings.Replace(url, "nats://", "nats://"+user+":"+user+"@", 1) }
	_, told := heard(t, as("a"))
	end()
	serveNATS(t, portOf(t, url), limited)
	got := hears(t, told, "ERROR the queues cannot be set up again: ")
	for _, want := range []string{"stream bq_main_req", `"$JS.API.STREAM.CREATE.bq_main_req"`} {
		if !strings.Contains(got, want) {
			t.Errorf("it says %q, want also %s", got, want)
		}
	}
	heard(t, as("b"))
	hears(t, told, "WARN queues were missing")
	select {
	case again := <-told:
		t.Errorf("then it says %q", again)
	default:
	}
}
