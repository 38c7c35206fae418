package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gobatcher/batcher/gateway"
)

func newProgram(t *testing.T, how string, opts gateway.ProgramOptions) *gateway.Program {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	opts.Env = append(os.Environ(), programVar+"="+how, "GORACE=atexit_sleep_ms=0")
	p, err := gateway.NewProgram([]string{self}, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return p
}

func ask(t *testing.T, p *gateway.Program, body string) (string, error) {
	t.Helper()
	a, err := p.Send(t.Context(), gateway.Key{}, []byte(body))
	return string(a.Body), err
}

// pid asks a process for its id.
func pid(t *testing.T, p *gateway.Program) string {
	t.Helper()
	line, err := ask(t, p, "[-1]")
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	return line
}

func TestProgramIsKept(t *testing.T) {
	p := newProgram(t, "", gateway.ProgramOptions{})
	first := pid(t, p)
	if line, err := ask(t, p, "[2,3]"); line != "[4,9]" || err != nil {
		t.Errorf("got %s, %v", line, err)
	}
	if again := pid(t, p); again != first {
		t.Errorf("first process %s, then %s", first, again)
	}
}

func TestProgramThatMisbehavesIsReplaced(t *testing.T) {
	for how, want := range map[string]string{
		"crash":        "exit status 3",
		"hang":         "in time",
		"noise before": "the program wrote",
		"noise after":  "not asked for",
		"half":         "ended",
		"short":        "0 results for 2 items",
		"object":       "not an array",
		"long":         "longer than 1000 bytes",
		"closed":       "in time",
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel() // two of them wait for the whole timeout, within which a process must start too
			p := newProgram(t, how, gateway.ProgramOptions{Timeout: 5 * time.Second, MaxAnswer: 1000})
			first := pid(t, p)
			if line, err := ask(t, p, "[13,1]"); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %s, %v; want an error with %q", line, err, want)
			}
			if second := pid(t, p); second == first {
				t.Errorf("process %s goes on", first)
			}
		})
	}
}

func TestProgramThatHangsIsATimeout(t *testing.T) {
	p := newProgram(t, "hang", gateway.ProgramOptions{Timeout: time.Millisecond})
	_, err := ask(t, p, "[13]")
	var e *gateway.Error
	if !errors.As(err, &e) || e.Status != http.StatusGatewayTimeout {
		t.Errorf("got %v, want status 504", err)
	}
}

// Whatever an item makes the program do, its neighbours have their results if
// the route isolates.
func TestProgramsCulpritIsAlone(t *testing.T) {
	for how, status := range map[string]int{"crash": 502, "hang": 504, "noise before": 502, "half": 502, "short": 502, "object": 502, "long": 502} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, how, gateway.ProgramOptions{Timeout: 3 * time.Second, MaxAnswer: 1000})
			h := newHandler(t, gateway.Route{Protocol: gateway.Exec{}, Upstream: p, Isolate: true, MaxItems: 4, Delay: time.Hour}, gateway.Options{})
			var all sync.WaitGroup
			for _, n := range []int{2, 3, 4} {
				all.Go(func() { wantAnswer(t, post(h, strconv.Itoa(n)), 200, strconv.Itoa(n*n)) })
			}
			wantAnswer(t, post(h, "13"), status, "the program")
			all.Wait()
		})
	}
}

// A process that answers and ends has answered, and the next batch does not
// suffer from its end.
func TestProgramsLastAnswerCounts(t *testing.T) {
	p := newProgram(t, "last", gateway.ProgramOptions{})
	for range 5 {
		first := pid(t, p)
		if line, err := ask(t, p, "[13]"); line != "[169]" || err != nil {
			t.Errorf("got %s, %v", line, err)
		}
		untilEnded(t, first)
	}
}

func TestProgramThatSpeaksUnaskedIsReplaced(t *testing.T) {
	p := newProgram(t, "noise later", gateway.ProgramOptions{})
	first := pid(t, p)
	if line, err := ask(t, p, "[13]"); line != "[169]" || err != nil {
		t.Errorf("got %s, %v", line, err)
	}
	untilEnded(t, first)
	if second := pid(t, p); second == first {
		t.Errorf("process %s goes on", first)
	}
}

func untilEnded(t *testing.T, pid string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); alive(t, pid); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("process %s goes on", pid)
		}
	}
}

// alive reports whether a process answers to the signal that does nothing.
func alive(t *testing.T, pid string) bool {
	t.Helper()
	number, err := strconv.Atoi(strings.Trim(pid, "[]"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := os.FindProcess(number)
	return err == nil && p.Signal(syscall.Signal(0)) == nil
}

// A caller that leaves is freed at once, and the process may finish: the next
// batch waits for it.
func TestProgramOutlivesItsCallers(t *testing.T) {
	p := newProgram(t, "slower", gateway.ProgramOptions{})
	first := pid(t, p)
	ctx, leave := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer leave()
	if _, err := p.Send(ctx, gateway.Key{}, []byte("[13]")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if _, err := p.Send(ctx, gateway.Key{}, []byte("[1]")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if again := pid(t, p); again != first {
		t.Errorf("first process %s, then %s", first, again)
	}
}

func TestProgramRunsSeveralAtOnce(t *testing.T) {
	p := newProgram(t, "slow", gateway.ProgramOptions{Processes: 3})
	start := time.Now()
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			if line, err := ask(t, p, "[13]"); line != "[169]" || err != nil {
				t.Errorf("got %s, %v", line, err)
			}
		})
	}
	all.Wait()
	if took := time.Since(start); took < 400*time.Millisecond {
		t.Errorf("6 batches of 200 ms took %v on 3 processes", took)
	}
}

func TestProgramThatIsNotThere(t *testing.T) {
	p, err := gateway.NewProgram([]string{"./no-such-program"}, gateway.ProgramOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := ask(t, p, "[1]"); err == nil || !strings.Contains(err.Error(), "cannot be started") {
			t.Errorf("got %v", err)
		}
	}
}

func TestProgramIsCheckedAtOnce(t *testing.T) {
	for _, command := range [][]string{nil, {""}} {
		if _, err := gateway.NewProgram(command, gateway.ProgramOptions{}); err == nil {
			t.Errorf("%q: no error", command)
		}
	}
	if _, err := gateway.NewProgram([]string{"x"}, gateway.ProgramOptions{Processes: -1}); err == nil {
		t.Error("-1 processes: no error")
	}
}

func TestProgramIsEndedByClose(t *testing.T) {
	p := newProgram(t, "hang", gateway.ProgramOptions{Processes: 2})
	idle := pid(t, p)
	ctx, leave := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := p.Send(ctx, gateway.Key{}, []byte("[13]")); err == nil {
			t.Error("an answer")
		}
	})
	busy := pid(t, p)
	leave()
	all.Wait()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	for _, pid := range []string{idle, busy} {
		if alive(t, pid) {
			t.Errorf("process %s goes on", pid)
		}
	}
	if _, err := ask(t, p, "[1]"); err == nil {
		t.Error("an answer after Close")
	}
}

func TestProgramsStderrIsHeard(t *testing.T) {
	var heard bytes.Buffer
	p := newProgram(t, "", gateway.ProgramOptions{Stderr: &heard})
	_, _ = ask(t, p, "7")
	_ = p.Close()
	if !strings.Contains(heard.String(), "cannot unmarshal") {
		t.Errorf("heard %q", heard.String())
	}
}

// alone is a writer that is told of writes at the same time.
type alone struct {
	writes  int
	writing atomic.Bool
	shared  atomic.Bool
}

func (a *alone) Write(p []byte) (int, error) {
	if !a.writing.CompareAndSwap(false, true) {
		a.shared.Store(true)
	}
	a.writes++
	time.Sleep(50 * time.Millisecond)
	a.writing.Store(false)
	return len(p), nil
}

func TestProgramsProcessesShareStderr(t *testing.T) {
	var heard alone
	p := newProgram(t, "", gateway.ProgramOptions{Processes: 4, Stderr: &heard})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { _, _ = ask(t, p, "7") })
	}
	all.Wait()
	_ = p.Close()
	if heard.writes < 4 || heard.shared.Load() {
		t.Errorf("%d writes, of which some at the same time: %t", heard.writes, heard.shared.Load())
	}
}

// The example in Python, behind a gateway.
func TestPythonExample(t *testing.T) {
	p, err := gateway.NewProgram([]string{"python3", "testdata/square.py"}, gateway.ProgramOptions{Stderr: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	h, err := gateway.New([]gateway.Route{{Pattern: "/", Protocol: gateway.Exec{}, Upstream: p}}, gateway.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Shutdown(context.Background())
	for body, want := range map[string]string{"7": "49", "[1, 2,\n3]": "[1,4,9]"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body)))
		if w.Code != http.StatusOK || w.Body.String() != want {
			t.Errorf("%s: status %d, %s; want %s", body, w.Code, w.Body, want)
		}
	}
}
