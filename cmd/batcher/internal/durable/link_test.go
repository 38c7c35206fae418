package durable

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
	"github.com/gobatcher/batcher/natsbatch/embed"
	"github.com/nats-io/nats.go"
)

// A store has room for what its queues ask for, however much that is, and says why they
// cannot ask for something else later.
func TestStoreOfAnySize(t *testing.T) {
	c := config.Default()
	c.Store, c.Queue.MaxBytes = t.TempDir(), 100<<30
	link, err := Open(t.Context(), c, func(slog.Level, string, string) {})
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	for _, c.Queue.Namespace = range []string{"one", "two", "main"} {
		if _, err := link.admin(t.Context(), laterQueue(c)); err != nil {
			t.Errorf("namespace %s with 100 GiB: %v", c.Queue.Namespace, err)
		}
	}
	c.Queue.MaxBytes = 1 << 30
	if _, err := link.admin(t.Context(), laterQueue(c)); err == nil || !strings.Contains(err.Error(), "queue.max-bytes") {
		t.Errorf("with another size: got error %v, want one that names the key", err)
	}
}

// A server that refuses a connection's credentials for a while has it back afterwards,
// and what becomes of the connection is told.
func TestRefusedCredentialsAreTriedAgain(t *testing.T) {
	refused := make(chan bool, 1000)
	start := func(listen, password string) *embed.Server {
		s, err := embed.Start(t.TempDir(), embed.Options{
			Listen: listen, User: "gateway", Password: password,
			Log: serverLog(func(_ slog.Level, _, text string) {
				if strings.Contains(text, "authentication error") {
					refused <- true
				}
			}),
		})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	server := start("127.0.0.1:0", "right")
	address := strings.TrimPrefix(server.URL(), "nats://")
	c := config.Default()
	c.NATS = "nats://gateway:right@" + address
	opts, err := options(c)
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan string, 1000)
	opts = append(opts, Tell(func(_ slog.Level, msg, text string) { told <- msg + ": " + text }).connection()...)
	conn, err := nats.Connect(c.NATS, append(opts, nats.ReconnectWait(10*time.Millisecond), nats.ReconnectJitter(0, 0))...)
	if err != nil {
		t.Fatal(err)
	}
	hears := func(want string) {
		t.Helper()
		if got := <-told; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	server.Close()
	hears("the connection to the queue is lost: EOF")
	server = start(address, "wrong")
	for range 3 {
		<-refused
	}
	hears("the connection to the queue complains: nats: authorization violation")
	server.Close()
	server = start(address, "right")
	defer server.Close()
	for got := range told {
		if got == "the connection to the queue is back: " {
			break
		}
	}
	conn.Close()
	if !conn.IsClosed() || len(told) != 0 {
		t.Errorf("closed: %v; %d things told", conn.IsClosed(), len(told))
	}
}
