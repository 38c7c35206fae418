//go:build unix

package pipe_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gobatcher/batcher/cmd/batcher/internal/pipe"
)

// survivors returns a standard error for commands, and a function that waits
// until nobody holds it open any more: until all the processes have ended.
func survivors(t *testing.T) (stderr *os.File, gone func() string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return w, func() string {
		w.Close()
		said, err := io.ReadAll(r)
		if err != nil {
			t.Error(err)
		}
		return string(said)
	}
}

func TestOutputLeftOpenIsNotWaitedFor(t *testing.T) {
	stderr, gone := survivors(t)
	err := pipe.RunCommand(context.Background(), stderr, 50*time.Millisecond,
		[]string{"sh", "-c", "cat; sleep 1000 & exit 0"}, "a line")
	if err == nil || !strings.Contains(err.Error(), "sh: its output was still open 50ms after it ended") {
		t.Errorf("error is %v", err)
	}
	gone()
}

func TestEndOfContextKillsTheWholeGroup(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	go func() {
		io.ReadFull(r, make([]byte, len("started\n")))
		cancel()
		io.Copy(io.Discard, r)
	}()
	defer w.Close()
	// The shell has ended when the context does; what it left behind lives.
	err := pipe.RunCommand(ctx, w, time.Hour,
		[]string{"sh", "-c", "(while kill -0 $$ 2>/dev/null; do :; done; echo started >&2; sleep 1000) & exit 0"}, "a line")
	if err == nil {
		t.Error("no error")
	}
	if errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, which is not for the eyes of users", err)
	}
}

// The id of a command that has been waited for may be that of another process, which
// leads a group too.
func TestAnothersGroupIsNotKilled(t *testing.T) {
	other := exec.Command("cat")
	pipe.OwnGroup(other)
	stdin, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	ended := exec.Command("true")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	ended.Process.Pid = other.Process.Pid
	pipe.KillGroup(ended)
	if _, err := io.WriteString(stdin, "a line\n"); err != nil {
		t.Error(err)
	}
	stdin.Close()
	if said, err := io.ReadAll(stdout); err != nil || string(said) != "a line\n" {
		t.Errorf("the other process says %q, %v", said, err)
	}
	if err := other.Wait(); err != nil {
		t.Error(err)
	}
}

func TestStartFails(t *testing.T) {
	script := t.TempDir() + "/empty"
	if err := os.WriteFile(script, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	err := pipe.RunCommand(context.Background(), io.Discard, time.Second, []string{script}, "a line")
	if err == nil || !strings.Contains(err.Error(), "exec format error") {
		t.Errorf("error is %v", err)
	}
}
