package embed_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
	"github.com/gobatcher/batcher/natsbatch/embed"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// serve runs a server as it comes, with o in the place of the defaults.
func serve(t *testing.T, o server.Options) *server.Server {
	t.Helper()
	if o.StoreDir == "" {
		o.StoreDir = t.TempDir()
	}
	o.JetStream, o.JetStreamMaxStore, o.Host, o.NoSigs, o.NoLog = true, 10<<30, "127.0.0.1", true, true
	if o.Port == 0 {
		o.Port = server.RANDOM_PORT
	}
	s, err := server.NewServer(&o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("the server is not ready")
	}
	return s
}

// dial connects, and again for ever.
func dial(t *testing.T, url string, opts ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url, append([]nats.Option{nats.MaxReconnects(-1), nats.ReconnectWait(20 * time.Millisecond), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// streams gives access to JetStream.
func streams(t *testing.T, nc *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// ask begins a Do without a deadline and waits until it is accepted.
func ask(t *testing.T, nc *nats.Conn, c *natsbatch.Client[string, string], req string) <-chan error {
	t.Helper()
	a, err := natsbatch.NewAdmin(within(t), nc, queue)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error, 1)
	go func() { got <- second(c.Do(context.Background(), req)) }()
	for s, err := a.Stats(within(t)); s.Lanes[natsbatch.PriorityNormal].Waiting+s.Lanes[natsbatch.PriorityNormal].Held == 0; s, err = a.Stats(within(t)) {
		if err != nil {
			t.Fatal(err)
		}
	}
	return got
}

// soon gives what comes, and fails if nothing does.
func soon[T any](t *testing.T, what string, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(30 * time.Second):
		t.Fatalf("%s hangs", what)
	}
	return v
}

func TestAConnectionThatIsClosedFreesCallers(t *testing.T) {
	nc := conn(t)
	c := client[string, string](t, nc, natsbatch.ClientOptions{})
	asked := ask(t, nc, c, "nobody works on it")
	own, err := c.Submit(within(t), "nor on this")
	if err != nil {
		t.Fatal(err)
	}
	waits := make(map[string]chan error)
	for name, h := range map[string]natsbatch.Handle{"Wait for a key": natsbatch.KeyHandle("k"), "Wait for one's own": own} {
		ch := make(chan error, 1)
		go func() { ch <- second(c.Wait(context.Background(), h)) }()
		waits[name] = ch
	}
	time.Sleep(100 * time.Millisecond) // until they wait
	nc.Close()
	if err := soon(t, "Do", asked); !errors.Is(err, natsbatch.ErrUnknownOutcome) || !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("Do: %v, want ErrUnknownOutcome and ErrConnectionClosed", err)
	}
	for name, ch := range waits {
		if err := soon(t, name, ch); !errors.Is(err, nats.ErrConnectionClosed) {
			t.Errorf("%s: %v, want ErrConnectionClosed", name, err)
		}
	}
	for name, err := range map[string]error{
		"Do": second(c.Do(within(t), "r")), "Submit": second(c.Submit(within(t), "r")), "Key": second(c.Submit(within(t), "r", natsbatch.Key("k"))),
		"Wait": second(c.Wait(within(t), own)), "Get": second(c.Get(within(t), own)),
	} {
		if !errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, natsbatch.ErrUnknownOutcome) {
			t.Errorf("%s afterwards: %v, want ErrConnectionClosed", name, err)
		}
	}
	closed := make(chan error, 1)
	go func() { closed <- c.Close() }()
	if err := soon(t, "Close", closed); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := second(c.Do(within(t), "r")); !errors.Is(err, natsbatch.ErrClosed) {
		t.Errorf("Do after Close: %v, want ErrClosed", err)
	}
}

func TestSetupAndExistsSayThatJetStreamIsMissing(t *testing.T) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	defer s.Shutdown()
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("the server is not ready")
	}
	nc := dial(t, s.ClientURL())
	for name, err := range map[string]error{"Setup": natsbatch.Setup(within(t), nc, queue), "Exists": second(natsbatch.Exists(within(t), nc, queue))} {
		if err == nil || !strings.Contains(err.Error(), "no server has JetStream") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSetupAndExistsSayThatThereIsNoConnection(t *testing.T) {
	nc := dial(t, "nats://127.0.0.1:1", nats.RetryOnFailedConnect(true))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, err := range map[string]error{"Setup": natsbatch.Setup(ctx, nc, queue), "Exists": second(natsbatch.Exists(ctx, nc, queue))} {
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "there is no connection to a server") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSetupSaysWhatRoomIsMissing(t *testing.T) {
	nc, err := start(t, t.TempDir(), embed.Options{MaxStore: 3 << 30}).Connect()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	err = natsbatch.Setup(within(t), nc, natsbatch.Queue{Endpoint: "e"})
	if err == nil || !strings.Contains(err.Error(), "needs room for 1073741824 bytes") {
		t.Errorf("dead letters beyond the room for 1 GiB of requests and 2 GiB of results: %v", err)
	}
}

// A front end whose password counts no more is told so.
func TestCredentialsThatAreRevokedFreeCallers(t *testing.T) {
	o := server.Options{StoreDir: t.TempDir(), Username: "u", Password: "one"}
	s := serve(t, o)
	nc := dial(t, s.ClientURL(), nats.UserInfo("u", "one"))
	c := client[string, string](t, nc, natsbatch.ClientOptions{})
	asked := ask(t, nc, c, "nobody works on it")
	o.Port = s.Addr().(*net.TCPAddr).Port
	s.Shutdown()
	s.WaitForShutdown()
	o.Password = "two"
	serve(t, o)
	if err := soon(t, "Do", asked); !errors.Is(err, natsbatch.ErrUnknownOutcome) || !strings.Contains(strings.ToLower(err.Error()), "authorization") {
		t.Errorf("Do: %v, want ErrUnknownOutcome and why", err)
	}
}

// Servers that lack what a queue needs are told apart from ones that are set up
// differently, and are left as they are.
func TestServersThatAreTooOld(t *testing.T) {
	s := serve(t, server.Options{})
	if err := s.DisableJetStream(); err != nil {
		t.Fatal(err)
	}
	nc, asked := dial(t, s.ClientURL()), make(chan string, 100)
	if _, err := nc.Subscribe("$JS.API.>", func(msg *nats.Msg) {
		asked <- msg.Subject
		answer := `{"error": {"code": 404, "err_code": 10059, "description": "stream not found"}}`
		if msg.Subject == "$JS.API.INFO" {
			answer = `{"api": {"level": 1}}`
		}
		msg.Respond([]byte(answer))
	}); err != nil {
		t.Fatal(err)
	}
	err := natsbatch.Setup(within(t), nc, natsbatch.Queue{Endpoint: "test"})
	if err == nil || errors.Is(err, natsbatch.ErrDrift) || !strings.Contains(err.Error(), "must be NATS 2.12 or later") {
		t.Errorf("Setup: %v", err)
	}
	close(asked)
	for subject := range asked {
		if strings.Contains(subject, "CREATE") {
			t.Errorf("it asked %s", subject)
		}
	}
}
