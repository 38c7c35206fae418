//go:build unix

package once_test

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/gobatcher/batcher/cmd/batcher/internal/once"
)

func TestFiles(t *testing.T) {
	name := t.TempDir() + "/file"
	var files once.Files
	wants := func(most int64, want string) {
		t.Helper()
		if got, err := files.Read(name, most); err != nil || string(got) != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	if _, err := files.Read(name, 10); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	write(t, name, "one")
	wants(10, "one")
	wants(2, "on")
	write(t, name, "two")
	wants(10, "two")
	remove(t, name)
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	go func() { _ = os.WriteFile(name, []byte("from a pipe"), 0) }()
	wants(100, "from a pipe")
	wants(100, "from a pipe")
	remove(t, name)
	wants(100, "from a pipe")
	write(t, name, "three")
	wants(100, "three")
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
}
