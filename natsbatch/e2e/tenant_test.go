package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gobatcher/batcher/natsbatch"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/load"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/oracle"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/server"
)

// What each role of a namespace must be allowed, and nothing else is. <ns>
// stands for the namespace, <ep> for the endpoint.
const (
	everyRole     = `"$JS.API.STREAM.INFO.bq_<ns>_req", "$JS.API.STREAM.INFO.bq_<ns>_res", "$JS.API.STREAM.INFO.bq_<ns>_dlq", "$JS.API.CONSUMER.INFO.bq_<ns>_req.*", "$JS.API.STREAM.MSG.GET.bq_<ns>_res", "bq.<ns>.req.<ep>.*"`
	frontEndsRole = `publish: [` + everyRole + `, "bq.<ns>.req._probe.*", "bq.<ns>.mail.>"], subscribe: ["_INBOX_<ns>.>", "bq.<ns>.rep.*", "bq.<ns>.done.<ep>.>"]`
	workersRole   = `publish: [` + everyRole + `, "bq.<ns>.req._probe.*", "$JS.API.CONSUMER.MSG.NEXT.bq_<ns>_req.*", "$JS.ACK.bq_<ns>_req.>", "bq.<ns>.res.<ep>.>", "bq.<ns>.rep.*", "bq.<ns>.dlq.<ep>"],
		subscribe: ["_INBOX_<ns>.>", "bq.<ns>.pull.>", "bq.<ns>.mail.>"]`
)

// tenants starts a server with two namespaces, a and b, whose roles have users
// of their own, and sets both queues up.
func tenants(t *testing.T) *server.Node {
	t.Helper()
	var users strings.Builder
	for _, ns := range []string{"a", "b"} {
		for role, permissions := range map[string]string{"frontend": frontEndsRole, "worker": workersRole} {
			permissions = strings.NewReplacer("<ns>", ns, "<ep>", "test").Replace(permissions)
			fmt.Fprintf(&users, "{user: %s-%s, password: secret, permissions: {%s}}\n", ns, role, permissions)
		}
	}
	n := startServer(t, server.Options{SyncInterval: server.Always,
		Extra: "authorization { users: [\n{user: admin, password: secret}\n" + users.String() + "]}"})
	admin := dial(t, n, "admin", "")
	for _, ns := range []string{"a", "b"} {
		if err := natsbatch.Setup(within(t, patience), admin.Conn, tenant(ns)); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

func tenant(ns string) natsbatch.Queue {
	return natsbatch.Queue{Namespace: ns, Endpoint: "test", AckWait: ackWait}
}

// guest is a connection that knows what it was refused.
type guest struct {
	*nats.Conn

	mu      sync.Mutex // guards refused
	refused []string
}

func dial(t *testing.T, n *server.Node, user, ns string) *guest {
	t.Helper()
	g := &guest{}
	opts := []nats.Option{nats.UserInfo(user, "secret"), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.refused = append(g.refused, err.Error())
	})}
	if ns != "" {
		opts = append(opts, nats.CustomInboxPrefix("_INBOX_"+ns))
	}
	nc, err := nats.Connect(n.URL, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	g.Conn = nc
	return g
}

func (g *guest) refusals() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return strings.Join(g.refused, "\n")
}

// mayNot waits until the server has refused something, and fails the test if
// it does not.
func (g *guest) mayNot(t *testing.T, user, what, subject string) {
	t.Helper()
	if err := g.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("Permissions Violation for %s to %q", what, subject)
	for deadline := time.Now().Add(patience); !strings.Contains(g.refusals(), want); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("%s may do a %s to %s", user, what, subject)
			return
		}
	}
}

func TestWrongCredentials(t *testing.T) {
	t.Parallel()
	n := tenants(t)
	for name, o := range map[string]nats.Option{"none": nats.Name(""), "wrong": nats.UserInfo("a-frontend", "wrong")} {
		if _, err := nats.Connect(n.URL, o); !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestRolesAreEnough tests that a role needs no more than it is allowed.
func TestRolesAreEnough(t *testing.T) {
	t.Parallel()
	n := tenants(t)
	front, work := dial(t, n, "a-frontend", "a"), dial(t, n, "a-worker", "a")
	t.Cleanup(func() {
		for name, g := range map[string]*guest{"front end": front, "worker": work} {
			if err := g.LastError(); err != nil {
				t.Errorf("the %s was refused: %v\n%s", name, err, g.refusals())
			}
		}
	})
	c, err := natsbatch.NewClient[[]byte, []byte](within(t, patience), front.Conn, tenant("a"), natsbatch.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := natsbatch.NewWorker(within(t, patience), work.Conn, tenant("a"), new(load.Work).Process,
		natsbatch.WorkerOptions{Backoff: func(int) time.Duration { return time.Millisecond }})
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range []load.Op{load.Plain, load.Retry} {
		for i, opts := range [][]natsbatch.Option{nil, {natsbatch.Key(string(op))}} {
			payload := load.Payload(fmt.Sprintf("%s%d", op, i), op, 1, 0)
			h, err := c.Submit(within(t, patience), payload, opts...)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := c.Wait(within(t, patience), h); err != nil || !bytes.HasPrefix(got, []byte(oracle.Hash(payload))) {
				t.Errorf("%s %d: %q, %v", op, i, got, err)
			}
			if _, err := c.Get(within(t, patience), h); err != nil {
				t.Errorf("%s %d: Get: %v", op, i, err)
			}
		}
		if _, err := c.Do(within(t, patience), load.Payload("do", op, 1, 0)); err != nil {
			t.Errorf("%s: Do: %v", op, err)
		}
	}
	if _, err := c.Do(within(t, patience), load.Payload("panic", load.Panic, 0, 0)); !errors.Is(err, natsbatch.ErrDead) {
		t.Errorf("a panic: %v", err)
	}
	if err := errors.Join(c.Health(within(t, patience)), w.Health(within(t, patience)), c.Close(), w.Close()); err != nil {
		t.Error(err)
	}
}

// TestAnotherTenant tries as b all that concerns a, and as a front end what
// only workers may.
func TestAnotherTenant(t *testing.T) {
	t.Parallel()
	n := tenants(t)
	for user, tries := range map[string][]string{
		"b-frontend": {"bq.a.rep.>", "bq.a.rep.*", "bq.a.done.>", "bq.a.done.test.>", "bq.a.pull.>", "bq.a.mail.>", "_INBOX_a.>", "_INBOX.>", ">"},
		"b-worker":   {"bq.a.rep.>", "bq.a.done.>", "bq.a.pull.>", "bq.a.mail.>", "_INBOX_a.>"},
		"a-frontend": {"bq.a.pull.>", "bq.b.>"},
	} {
		g := dial(t, n, user, user[:1])
		for _, subject := range tries {
			if _, err := g.SubscribeSync(subject); err != nil {
				t.Fatal(err)
			}
			g.mayNot(t, user, "Subscription", subject)
		}
	}
	for user, tries := range map[string][]string{
		"b-frontend": {"bq.a.req.test.normal", "bq.a.res.test.x.1", "bq.a.rep.x", "bq.a.done.test.x.1", "$JS.API.STREAM.MSG.GET.bq_a_res", "$JS.API.DIRECT.GET.bq_a_res",
			"$JS.API.STREAM.DELETE.bq_b_req", "$JS.API.CONSUMER.MSG.NEXT.bq_a_req.test_normal"},
		"b-worker":   {"bq.a.res.test.x.1", "bq.a.rep.x", "$JS.API.CONSUMER.MSG.NEXT.bq_a_req.test_normal", "$JS.API.STREAM.MSG.GET.bq_a_res"},
		"a-frontend": {"bq.a.res.test.x.1", "bq.a.rep.x", "$JS.API.CONSUMER.MSG.NEXT.bq_a_req.test_normal", "$JS.API.STREAM.PURGE.bq_a_req"},
	} {
		g := dial(t, n, user, user[:1])
		for _, subject := range tries {
			if err := g.PublishRequest(subject, "_INBOX_"+user[:1]+".x", nil); err != nil {
				t.Fatal(err)
			}
			g.mayNot(t, user, "Publish", subject)
		}
	}
	g := dial(t, n, "b-frontend", "b")
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := natsbatch.NewClient[[]byte, []byte](ctx, g.Conn, tenant("a"), natsbatch.ClientOptions{}); err == nil {
		t.Error("b is a front end of a")
	}
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	n := startServer(t, server.Options{SyncInterval: server.Always, MaxPayload: 2 << 20})
	r := newRig(t, n.URL)
	r.worker(load.WorkerArgs{})
	c := r.client()
	for size, want := range map[int]error{1 << 20: nil, 1<<20 + 1: natsbatch.ErrTooLarge} {
		payload := load.Payload(fmt.Sprintf("r%d", size), load.Plain, 0, size)
		_, err := c.Do(within(t, patience), payload)
		if !errors.Is(err, want) {
			t.Errorf("Do of %d bytes: %v", size, err)
		}
		_, err = c.Submit(within(t, patience), payload)
		if !errors.Is(err, want) {
			t.Errorf("Submit of %d bytes: %v", size, err)
		}
		if want != nil && !strings.Contains(err.Error(), "1048577 bytes, the limit is 1048576") {
			t.Errorf("the error does not say how much: %v", err)
		}
		result := load.Payload(fmt.Sprintf("a%d", size), load.Large, size, 0)
		h, err := c.Submit(within(t, patience), result)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Wait(within(t, patience), h); !errors.Is(err, want) {
			t.Errorf("a result of %d bytes: %v", size, err)
		}
	}
}

// A server may allow more than the one that the connection had before.
func TestTheLimitIsThatOfTheServerAtHand(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	less, more := startServer(t, server.Options{}), startServer(t, server.Options{MaxPayload: 2 * size})
	q := natsbatch.Queue{Endpoint: "limit"}
	nc := connect(t, less.URL+","+more.URL, nats.DontRandomize(), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))
	if err := natsbatch.Setup(within(t, patience), connect(t, more.URL), q); err != nil {
		t.Fatal(err)
	}
	c, err := natsbatch.NewClient[[]byte, []byte](within(t, patience), nc, q, natsbatch.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := c.Submit(within(t, patience), make([]byte, size)); !errors.Is(err, natsbatch.ErrTooLarge) {
		t.Errorf("at the server that allows less: %v, want ErrTooLarge", err)
	}
	less.Kill()
	for ctx := within(t, patience); ; {
		_, err := c.Submit(ctx, make([]byte, size))
		if err == nil {
			return
		}
		if !errors.Is(err, natsbatch.ErrTooLarge) || ctx.Err() != nil {
			t.Fatalf("at the server that allows more: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func connect(t *testing.T, urls string, opts ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(urls, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}
