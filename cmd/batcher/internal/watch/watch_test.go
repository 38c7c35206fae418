package watch_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
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

// A list of tokens may be long, and grow at its end.
func TestChangeAtTheEnd(t *testing.T) {
	path, long := filepath.Join(t.TempDir(), "a"), strings.Repeat("token\n", 1<<20)
	write(t, path, long)
	f := started(t, path)
	write(t, path+".new", long+"another\n") // in place it would be short for an instant
	rename(t, path+".new", path)
	wantChange(t, f, "a line more")
}

// A Kubernetes volume is a link to a link to a folder, and the second link changes.
func TestKubernetesVolume(t *testing.T) {
	dir := t.TempDir()
	for _, version := range []string{"1", "2"} {
		mkdir(t, filepath.Join(dir, version))
		write(t, filepath.Join(dir, version, "a"), version)
	}
	link(t, "1", filepath.Join(dir, "..data"))
	link(t, "..data/a", filepath.Join(dir, "a"))
	f := started(t, filepath.Join(dir, "a"))
	link(t, "2", filepath.Join(dir, "..data.new"))
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
	c := filepath.Join(dir, "none", "c")
	if err := f.Set([]string{c, b}); err != nil {
		t.Error(err)
	}
	write(t, b, "3")
	wantChange(t, f, "a write beside a folder that does not exist")
	mkdir(t, filepath.Dir(c))
	write(t, c, "1")
	wantChange(t, f, "that folder, and a file in it")
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, to, name string) {
	t.Helper()
	if err := os.Symlink(to, name); err != nil {
		t.Fatal(err)
	}
}

// A folder may be a link, which changes, and a file a link to another folder.
func TestLinks(t *testing.T) {
	dir := t.TempDir()
	for _, version := range []string{"1", "2"} {
		mkdir(t, filepath.Join(dir, "releases", version))
		write(t, filepath.Join(dir, "releases", version, "a"), version)
	}
	mkdir(t, filepath.Join(dir, "else"))
	target := filepath.Join(dir, "else", "b")
	write(t, target, "1")
	link(t, "releases/1", filepath.Join(dir, "current"))
	link(t, target, filepath.Join(dir, "b"))
	f := started(t, filepath.Join(dir, "current", "a"), filepath.Join(dir, "b"))
	link(t, "releases/2", filepath.Join(dir, "new"))
	rename(t, filepath.Join(dir, "new"), filepath.Join(dir, "current"))
	wantChange(t, f, "the link to the folder changed")
	write(t, filepath.Join(dir, "releases", "2", "a"), "3")
	wantChange(t, f, "a write in the folder that it leads to now")
	write(t, target+".new", "2")
	rename(t, target+".new", target)
	wantChange(t, f, "the file that a link leads to was replaced")
}

// A folder may go, and another come in its place.
func TestFolderMadeAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sub")
	path := filepath.Join(dir, "a")
	mkdir(t, dir)
	write(t, path, "1")
	f := started(t, path)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	wantChange(t, f, "its removal")
	mkdir(t, dir)
	write(t, path, "2")
	wantChange(t, f, "another folder came")
	mkdir(t, dir+".new")
	write(t, filepath.Join(dir+".new", "a"), "3")
	rename(t, dir, dir+".old")
	rename(t, dir+".new", dir)
	wantChange(t, f, "another folder took its place")
	write(t, path, "4")
	wantChange(t, f, "a write in that one")
}

// A folder may stand for a while where a file was: mounts and tools make one by mistake.
func TestFolderInPlaceOfFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	write(t, path, "1")
	f := started(t, path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	mkdir(t, path)
	wantChange(t, f, "a folder took its place")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write(t, path, "2")
	wantChange(t, f, "the file came back")
}

// So may a device, or a link to one.
func TestDeviceInPlaceOfFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	write(t, path, "1")
	f := started(t, path)
	link(t, "/dev/zero", path+".new")
	rename(t, path+".new", path)
	wantChange(t, f, "a device took its place")
	if err := f.Set([]string{path}); err != nil {
		t.Error(err)
	}
	write(t, path+".new", "2")
	rename(t, path+".new", path)
	wantChange(t, f, "the file came back")
}

// What is not a regular file is left alone: a pipe can be read only once, and a
// device may have no end.
func TestWhatIsNoFile(t *testing.T) {
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if _, err := out.WriteString("text"); err != nil {
		t.Fatal(err)
	}
	out.Close()
	started(t, fmt.Sprintf("/dev/fd/%d", in.Fd()), "/dev/zero")
	if text, err := io.ReadAll(in); err != nil || string(text) != "text" {
		t.Errorf("the pipe gives %q, %v", text, err)
	}
}
