package watch_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gobatcher/batcher/cmd/batcher/internal/watch"
)

// started watches these files.
func started(t *testing.T, paths ...string) *watch.Files {
	t.Helper()
	f, err := watch.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := f.Set(paths); err != nil {
		t.Fatal(err)
	}
	return f
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func wantChange(t *testing.T, f *watch.Files, what string) {
	t.Helper()
	select {
	case <-f.Changed:
	case <-time.After(30 * time.Second):
		t.Fatalf("no change is told after %s", what)
	}
}

func TestChanges(t *testing.T) {
	dir := t.TempDir()
	path, later := filepath.Join(dir, "a"), filepath.Join(dir, "later")
	write(t, path, "1")
	f := started(t, path, later)
	write(t, path, "2")
	wantChange(t, f, "a write")
	write(t, path+".new", "3")
	rename(t, path+".new", path)
	wantChange(t, f, "a rename over it")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	wantChange(t, f, "its removal")
	write(t, later, "")
	wantChange(t, f, "a file that was not there")
}

// A Kubernetes volume is a link to a link to a folder, and the second link changes.
func TestKubernetesVolume(t *testing.T) {
	dir := t.TempDir()
	for _, version := range []string{"1", "2"} {
		if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, version, "a"), version)
	}
	link := func(to, name string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	link("1", "..data")
	link("..data/a", "a")
	f := started(t, filepath.Join(dir, "a"))
	link("2", "..data.new")
	rename(t, filepath.Join(dir, "..data.new"), filepath.Join(dir, "..data"))
	wantChange(t, f, "the volume changed")
}

// Neighbours, and a write of what was there, are no change. That the next
// change is told once shows that these were not.
func TestNoChange(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	write(t, path, "1")
	f := started(t, path)
	write(t, filepath.Join(dir, "b"), "x")
	write(t, path+".new", "1") // in place it would be empty for an instant
	rename(t, path+".new", path)
	time.Sleep(300 * time.Millisecond) // longer than it looks away
	select {
	case <-f.Changed:
		t.Error("a change is told, and there was none")
	default:
	}
	write(t, path, "2")
	wantChange(t, f, "a write")
}

// A log in the same folder may be written to all the time.
func TestBusyFolder(t *testing.T) {
	dir := t.TempDir()
	path, log := filepath.Join(dir, "a"), filepath.Join(dir, "log")
	write(t, path, "1")
	f := started(t, path)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond): // far more often than it settles
				_ = os.WriteFile(log, []byte("x"), 0o600)
			}
		}
	}()
	write(t, path, "2")
	wantChange(t, f, "a write")
	close(stop)
	<-stopped
}

func TestSetAgain(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(t.TempDir(), "b")
	write(t, a, "1")
	write(t, b, "1")
	f := started(t, a)
	if err := f.Set([]string{b}); err != nil {
		t.Fatal(err)
	}
	write(t, b, "2")
	wantChange(t, f, "a write")
	if err := f.Set([]string{filepath.Join(dir, "none", "c"), b}); err == nil {
		t.Error("a folder that does not exist is no error")
	}
	write(t, b, "3")
	wantChange(t, f, "a write beside a folder that does not exist")
}
