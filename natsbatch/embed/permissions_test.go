package embed_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// serverWithPermissions runs a server with the permissions that the document
// gives, and gives what connects a user.
func serverWithPermissions(t *testing.T) func(user string) *nats.Conn {
	t.Helper()
	doc, err := os.ReadFile("../../docs/natsbatch.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(doc), "```text\nauthorization")
	block, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("docs/natsbatch.md has no permissions")
	}
	file := filepath.Join(t.TempDir(), "server.conf")
	if err := os.WriteFile(file, []byte("authorization"+block), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"FRONT_PASSWORD", "WORK_PASSWORD", "ADMIN_PASSWORD"} {
		t.Setenv(name, "secret")
	}
	opts, err := server.ProcessConfigFile(file)
	if err != nil {
		t.Fatal(err)
	}
	opts.JetStream, opts.StoreDir, opts.DontListen, opts.NoSigs, opts.NoLog = true, t.TempDir(), true, true, true
	s, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("the server is not ready")
	}
	return func(user string) *nats.Conn {
		nc, err := nats.Connect("", nats.InProcessServer(s), nats.UserInfo(user, "secret"),
			nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { t.Logf("%s: %v", user, err) }))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return nc
	}
}

// Every role can do its work with the permissions that are documented for it.
func TestTheDocumentedPermissionsSuffice(t *testing.T) {
	connect := serverWithPermissions(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	q := natsbatch.Queue{Endpoint: "score"}
	admin := connect("admin")
	if err := natsbatch.Setup(ctx, admin, q); err != nil {
		t.Fatal(err)
	}
	w, err := natsbatch.NewWorker(ctx, connect("work"), q, func(_ context.Context, reqs []int) ([]int, error) {
		for _, r := range reqs {
			if r < 0 {
				panic("negative")
			}
		}
		return reqs, nil
	}, natsbatch.WorkerOptions{MaxDeliveries: 3, Backoff: func(int) time.Duration { return time.Millisecond }})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	c, err := natsbatch.NewClient[int, int](ctx, connect("front"), q, natsbatch.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := c.Do(ctx, 1); got != 1 || err != nil {
		t.Errorf("Do: %d, %v", got, err)
	}
	for _, opts := range [][]natsbatch.Option{nil, {natsbatch.Key("k")}} {
		h, err := c.Submit(ctx, 2, opts...)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Wait(ctx, h); got != 2 || err != nil {
			t.Errorf("Wait: %d, %v", got, err)
		}
	}
	h, err := c.Submit(ctx, -1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Wait(ctx, h); !errors.Is(err, natsbatch.ErrDead) {
		t.Errorf("a panic: %v, want ErrDead", err)
	}
	a, err := natsbatch.NewAdmin(ctx, admin, q)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := a.Stats(ctx); err != nil || s.Dead != 1 {
		t.Errorf("Stats: %+v, %v", s, err)
	}
	letters, err := a.Dead(ctx, 0, 10)
	if err != nil || len(letters) != 1 {
		t.Fatalf("Dead: %+v, %v", letters, err)
	}
	if err := a.Retry(ctx, letters[0].Seq); err != nil {
		t.Errorf("Retry: %v", err)
	}
	for name, health := range map[string]func(context.Context) error{"front end": c.Health, "worker": w.Health, "admin": a.Health} {
		if err := health(ctx); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAFrontEndCannotTakeOverAQueue(t *testing.T) {
	connect := serverWithPermissions(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := natsbatch.Setup(ctx, connect("front"), natsbatch.Queue{Endpoint: "score"}); err == nil {
		t.Error("a front end created the streams")
	}
	if err := natsbatch.Setup(ctx, connect("admin"), natsbatch.Queue{Namespace: "other", Endpoint: "score"}); err == nil {
		t.Error("an admin set up another namespace")
	}
}
