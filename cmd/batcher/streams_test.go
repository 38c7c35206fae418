//go:build unix

package main_test

import (
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// listener keeps what is written to it, and hears when it ends in waitFor,
// unless that is empty.
type listener struct {
	waitFor string
	heard   chan struct{} // closed then

	mu   sync.Mutex
	text strings.Builder // guarded by mu
	once sync.Once
}

func (l *listener) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	if l.waitFor != "" && strings.HasSuffix(l.text.String(), l.waitFor) {
		l.once.Do(func() { close(l.heard) })
	}
	return len(p), nil
}

func (l *listener) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

const endlessLine = "a line\n"

// endless is an input without end, a line for each read. It counts them, and
// says when fullAt have been read.
type endless struct {
	read   atomic.Int64
	full   chan struct{} // closed then
	fullAt int64
}

func (e *endless) Read(p []byte) (int, error) {
	if e.read.Add(1) == e.fullAt {
		close(e.full)
	}
	return copy(p, endlessLine), nil
}

// broken is a stream that fails.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error)  { return 0, b.err }
func (b broken) Write([]byte) (int, error) { return 0, b.err }

// writeFile writes text to a file; to a FIFO when somebody reads it.
func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Error(err)
	}
}

func makeFIFO(t *testing.T) (name string) {
	t.Helper()
	name = t.TempDir() + "/fifo"
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// makeStuffedFIFO makes one that takes no more, and that nobody reads.
func makeStuffedFIFO(t *testing.T) (name string) {
	t.Helper()
	name = makeFIFO(t)
	fd, err := syscall.Open(name, syscall.O_RDWR|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	for err == nil {
		_, err = syscall.Write(fd, []byte{'x'})
	}
	if err != syscall.EAGAIN {
		t.Fatal(err)
	}
	return name
}
