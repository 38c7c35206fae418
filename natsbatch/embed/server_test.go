package embed_test

import (
	"crypto/tls"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch/embed"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func start(t *testing.T, dir string, opts embed.Options) *embed.Server {
	t.Helper()
	s, err := embed.Start(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func connect(t *testing.T, s *embed.Server) jetstream.JetStream {
	t.Helper()
	nc, err := s.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js := streams(t, nc)
	return js
}

func TestWhatIsStoredOutlivesTheServer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "by", "Start")
	s := start(t, dir, embed.Options{})
	if s.URL() != "" {
		t.Errorf("it can be reached at %s", s.URL())
	}
	js := connect(t, s)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "s", Subjects: []string{"s"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "s", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s.Close() // does nothing

	stream, err := connect(t, start(t, dir, embed.Options{})).Stream(t.Context(), "s")
	if err != nil {
		t.Fatal(err)
	}
	if msg, err := stream.GetMsg(t.Context(), 1); err != nil || string(msg.Data) != "kept" {
		t.Errorf("got %v, %v", msg, err)
	}
}

func TestADirectoryHasOneServer(t *testing.T) {
	dir := t.TempDir()
	first := start(t, dir, embed.Options{})
	if _, err := embed.Start(dir, embed.Options{}); !errors.Is(err, embed.ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Errorf("a second server: %v, want ErrInUse with the directory", err)
	}
	first.Close()
	start(t, dir, embed.Options{})
}

// A server that cannot start says why, at once.
func TestAServerThatCannotStart(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "jetstream"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	at := start(t, t.TempDir(), embed.Options{Listen: "127.0.0.1:0"}).URL()
	taken := strings.TrimPrefix(at, "nats://")
	for want, s := range map[string]struct {
		dir  string
		opts embed.Options
	}{
		"not a directory": {dir, embed.Options{}},
		taken:             {t.TempDir(), embed.Options{Listen: taken}},
	} {
		if _, err := embed.Start(s.dir, s.opts); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), s.dir) {
			t.Errorf("%v, want an error that names %s and %s", err, want, s.dir)
		}
	}
}

func TestTheStoreIsBounded(t *testing.T) {
	js := connect(t, start(t, t.TempDir(), embed.Options{MaxStore: 1 << 20}))
	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "s", Subjects: []string{"s"}, MaxBytes: 2 << 20})
	if err == nil {
		t.Error("a stream of 2 MiB in a store of 1 MiB")
	}
}

func TestOtherProcessesNeedThePassword(t *testing.T) {
	s := start(t, t.TempDir(), embed.Options{Listen: "127.0.0.1:0", User: "u", Password: "p"})
	connect(t, s) // from within the process it is known
	u, err := url.Parse(s.URL())
	if err != nil || u.Hostname() != "127.0.0.1" || u.Port() == "0" {
		t.Fatalf("URL %q, %v", s.URL(), err)
	}
	if nc, err := nats.Connect(s.URL()); err == nil {
		nc.Close()
		t.Error("nobody was asked")
	}
	nc, err := nats.Connect(s.URL(), nats.UserInfo("u", "p"), nats.Timeout(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
}

func TestOptionsSayWhatIsWrong(t *testing.T) {
	for want, o := range map[string]embed.Options{
		"MaxStore is -1":  {MaxStore: -1},
		"User and":        {User: "u"},
		"Listen: address": {Listen: "4222"},
		"not loopback":    {Listen: "0.0.0.0:4222", User: "u", Password: "p"},
		"not loopback: ":  {Listen: ":4222", TLS: &tls.Config{}}, //nolint:gosec // it is refused
	} {
		want := strings.TrimSuffix(want, ": ")
		if _, err := embed.Start(t.TempDir(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", o, err, want)
		}
	}
	for _, o := range []embed.Options{{}, {Listen: "localhost:0"}, {Listen: "[::1]:0"}, {Listen: "0.0.0.0:0", User: "u", Password: "p", TLS: &tls.Config{}}} { //nolint:gosec // nobody connects
		if err := o.Validate(); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestStartNeedsADirectory(t *testing.T) {
	if _, err := embed.Start("", embed.Options{}); err == nil {
		t.Error("no directory")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := embed.Start(file, embed.Options{}); err == nil {
		t.Error("a file for a directory")
	}
}

func TestDirIsTheUsersOwn(t *testing.T) {
	home := t.TempDir()
	for _, name := range []string{"HOME", "LocalAppData"} {
		t.Setenv(name, home)
	}
	t.Setenv("XDG_DATA_HOME", "relative is ignored")
	dir, err := embed.Dir("app")
	if err != nil || !strings.HasPrefix(dir, home) || filepath.Base(dir) != "app" {
		t.Errorf("got %s, %v", dir, err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it was made: %v", err)
	}
	if runtime.GOOS == "linux" {
		t.Setenv("XDG_DATA_HOME", filepath.Join(home, "data"))
		if dir, err := embed.Dir("app"); err != nil || dir != filepath.Join(home, "data", "app") {
			t.Errorf("got %s, %v", dir, err)
		}
	}
	for _, bad := range []string{"", ".", "..", "a/b"} {
		if dir, err := embed.Dir(bad); err == nil {
			t.Errorf("%q: %s", bad, dir)
		}
	}
}
