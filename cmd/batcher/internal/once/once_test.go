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
	if _, err := files.Read(name, 10); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	write(t, name, "three")
	wants(10, "three")
}

// A pipe is read once, until a file takes its place.
func TestPipes(t *testing.T) {
	name := t.TempDir() + "/pipe"
	var files once.Files
	wants := func(want string) {
		t.Helper()
		if got, err := files.Read(name, 100); err != nil || string(got) != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	makePipe(t, name)
	go func() { _ = os.WriteFile(name, []byte("from a pipe"), 0) }()
	wants("from a pipe")
	wants("from a pipe")
	remove(t, name)
	wants("from a pipe")
	write(t, name, "from a file")
	wants("from a file")
}

// What takes the place of a file is not waited for, nor read.
func TestPipeInPlaceOfFile(t *testing.T) {
	name := t.TempDir() + "/file"
	var files once.Files
	write(t, name, "one")
	if _, err := files.Read(name, 100); err != nil {
		t.Fatal(err)
	}
	refused := func() {
		t.Helper()
		if got, err := files.Read(name, 100); err == nil || err.Error() != "open "+name+": not a regular file" {
			t.Errorf("got %q, %v", got, err)
		}
	}
	remove(t, name)
	makePipe(t, name)
	refused()
	remove(t, name)
	if err := os.Symlink("/dev/zero", name); err != nil {
		t.Fatal(err)
	}
	refused()
	remove(t, name)
	write(t, name, "two")
	if got, err := files.Read(name, 100); err != nil || string(got) != "two" {
		t.Errorf("got %q, %v", got, err)
	}
}

// A pipe may come when it has been found that there is a file, and before that is
// opened.
func TestOpenNeverWaits(t *testing.T) {
	dir := t.TempDir()
	name := dir + "/file"
	write(t, dir+"/a", "one")
	makePipe(t, dir+"/b")
	changing, changed := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(changed)
		for {
			for _, to := range []string{"a", "b"} {
				_ = os.Symlink(to, name+".new")
				_ = os.Rename(name+".new", name)
			}
			select {
			case <-changing:
				return
			default:
			}
		}
	}()
	for range 2000 {
		if file, err := once.Open(name); err == nil {
			file.Close()
		}
	}
	close(changing)
	<-changed
}

func makePipe(t *testing.T, name string) {
	t.Helper()
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
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
