package serve_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher/cmd/batcher/internal/serve"
)

// writes are what a file was given, one by one.
type writes struct {
	mu  sync.Mutex
	all []string // guarded by mu
}

func (w *writes) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, string(p))
	return len(p), nil
}

// take gives those since the last take.
func (w *writes) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { w.all = nil }()
	return w.all
}

// Lines of requests go out together, no later than in time, never behind a
// line that was written after them.
func TestLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out writes
		atOnce, later := serve.NewLines(&out)
		wrote := func(want ...string) {
			t.Helper()
			synctest.Wait()
			if got := out.take(); !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		fmt.Fprintln(atOnce, "serving")
		wrote("serving\n")
		fmt.Fprintln(later, "one")
		time.Sleep(serve.GatherTime - time.Nanosecond)
		fmt.Fprintln(later, "two")
		wrote()
		time.Sleep(time.Nanosecond)
		wrote("one\ntwo\n")

		fmt.Fprintln(later, "three")
		fmt.Fprintln(atOnce, "draining")
		wrote("three\ndraining\n")
		time.Sleep(serve.GatherTime)
		wrote()
	})
}

// Much does not wait.
func TestLinesAreNotHeldWithoutBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out writes
		_, later := serve.NewLines(&out)
		line := strings.Repeat("x", serve.GatherSize/2)
		for range 2 {
			io.WriteString(later, line)
		}
		synctest.Wait()
		if got := out.take(); len(got) != 1 || got[0] != line+line {
			t.Errorf("got %d writes", len(got))
		}
	})
}

// full is a disk that has room again after a failure.
type full struct{ writes }

var errFull = errors.New("full")

func (f *full) Write(p []byte) (int, error) {
	if len(p) == serve.GatherSize {
		return 0, errFull
	}
	return f.writes.Write(p)
}

// What cannot be written is dropped.
func TestLinesThatCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out full
		atOnce, later := serve.NewLines(&out)
		for _, w := range []io.Writer{atOnce, later} {
			w.Write(make([]byte, serve.GatherSize))
			synctest.Wait()
		}
		fmt.Fprint(atOnce, "next")
		if got := out.take(); !slices.Equal(got, []string{"next"}) {
			t.Errorf("got %q", got)
		}
	})
}

// filling is a disk with room for some bytes.
type filling struct {
	strings.Builder
	room int
}

func (f *filling) Write(p []byte) (int, error) {
	n, err := min(len(p), f.room), error(nil)
	if f.room -= n; n < len(p) {
		err = errFull
	}
	f.Builder.Write(p[:n])
	return n, err
}

// When there is room again, the log says how many lines are missing, and goes on with a
// line of its own after one that was torn.
func TestLinesThatADiskHasNoRoomFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := filling{room: 10}
		atOnce, _ := serve.NewLines(&out)
		for _, line := range []string{"first", "second", "third"} {
			fmt.Fprintln(atOnce, line)
		}
		out.room = 100
		fmt.Fprintln(atOnce, "fourth")
		synctest.Wait()
		if got, want := out.String(), "first\nseco\nfourth\n2 lost"; got != want {
			t.Errorf("the log is %q, want %q", got, want)
		}
	})
}

// stuck is a pipe that nobody reads for a while.
type stuck struct {
	writes
	free chan struct{}
}

func (s *stuck) Write(p []byte) (int, error) {
	<-s.free
	return s.writes.Write(p)
}

// Nobody waits long for a reader that does not go on. What it misses is counted.
func TestLinesThatNobodyTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := stuck{free: make(chan struct{})}
		atOnce, later := serve.NewLines(&out)
		start := time.Now()
		fmt.Fprint(atOnce, "first")
		if took := time.Since(start); took != serve.WritePatience {
			t.Errorf("a line took %v", took)
		}
		start = time.Now()
		for range serve.MostHeld/1000 + 5 {
			later.Write(make([]byte, 1000))
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("gathered lines took %v", took)
		}
		close(out.free)
		synctest.Wait()
		got := out.take()
		if len(got) != 3 || got[0] != "first" || len(got[1]) > serve.MostHeld || got[2] != "5 lost" {
			t.Errorf("got %d writes, the last of which is %q", len(got), got[len(got)-1])
		}
	})
}
