package watch_test

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// While no file descriptor is left nothing counts as changed. What has changed is told
// when there are some again.
func TestNoDescriptorIsLeft(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	write(t, path, "1")
	write(t, path+".same", "1")
	write(t, path+".other", "2")
	f := started(t, path)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	allow := func(limit syscall.Rlimit) {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			t.Error(err)
		}
	}
	defer allow(limit)
	allow(syscall.Rlimit{Cur: 0, Max: limit.Max})
	for _, name := range []string{".same", ".other"} {
		rename(t, path+name, path)
		time.Sleep(300 * time.Millisecond) // longer than it looks away
		select {
		case <-f.Changed:
			t.Errorf("after %s a change is told that was not seen", name)
		default:
		}
	}
	allow(limit)
	wantChange(t, f, "a write that could not be seen")
}
