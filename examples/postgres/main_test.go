//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// TestMain sees to it that there is a PostgreSQL: the one of DATABASE_URL, or
// one that it starts and stops itself. Without one the test fails.
func TestMain(m *testing.M) {
	if os.Getenv("POSTGRES_TEST_MAIN") != "" {
		main()
		os.Exit(0)
	}
	os.Exit(runWithServer(m))
}

func runWithServer(m *testing.M) int {
	if os.Getenv("DATABASE_URL") != "" {
		return m.Run()
	}
	folder, err := os.MkdirTemp("", "batcher-postgres-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	stop, err := stopAtEnd(folder)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer stop()
	start := exec.Command("./server.sh", "start", folder)
	start.Stderr = os.Stderr
	url, err := start.Output()
	if err != nil {
		fmt.Fprintf(os.Stderr, "This test needs a PostgreSQL. DATABASE_URL is not set, and ./server.sh start failed with %v; what it said is above.\n", err)
		return 1
	}
	os.Setenv("DATABASE_URL", strings.TrimSpace(string(url)))
	return m.Run()
}

// stopAtEnd sees to it that the server in folder stops when stop is called, or
// when this process dies, of Ctrl-C or of a time limit: a shell waits for the
// end of its input, in a process group that Ctrl-C does not reach.
func stopAtEnd(folder string) (stop func(), err error) {
	keeper := exec.Command("sh", "-c", `read -r _; ./server.sh stop "$1" && rm -rf "$1"`, "sh", folder)
	keeper.Stderr = os.Stderr
	keeper.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	input, err := keeper.StdinPipe()
	if err != nil {
		return nil, err
	}
	return func() { _ = errors.Join(input.Close(), keeper.Wait()) }, keeper.Start()
}

// One run: both rates of each kind of work, every insert that was answered is
// stored, a bad row is refused alone, and nothing is left behind.
func TestRun(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out, os.Getenv("DATABASE_URL")); err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`^PostgreSQL \d+.*, 64 callers, 8 connections

 +one by one +batched
insert by COPY +\d+/s +\d+/s +\d+\.\d times
insert by one statement +\d+/s +\d+/s +\d+\.\d times
look up by = ANY +\d+/s +\d+/s +\d+\.\d times

(\d+) inserts were answered, (\d+) rows are stored\.

Eight rows by one statement and middleware\.Isolate, the sixth row is bad:
  row 6 is refused: .*violates check constraint "orders_quantity_check".*
  7 rows are stored
  it took 7 statements
$`)
	m := want.FindStringSubmatch(out.String())
	if m == nil {
		t.Fatalf("got:\n%s\nwant:\n%v", &out, want)
	}
	if m[1] == "0" || m[1] != m[2] {
		t.Errorf("%s inserts were answered and %s rows are stored", m[1], m[2])
	}
	wantNoSchema(t, os.Getpid())
}

// Wherever it is stopped, the database is left as it was.
func TestRunInterrupted(t *testing.T) {
	for _, at := range []string{"one by one", "insert by COPY", "look up", "answered"} {
		ctx, cancel := context.WithCancel(t.Context())
		err := run(ctx, &interrupter{at: at, interrupt: cancel}, os.Getenv("DATABASE_URL"))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("interrupted at %q: got %v", at, err)
		}
		wantNoSchema(t, os.Getpid())
		cancel()
	}
}

// interrupter calls interrupt when it is to print a text with at in it.
type interrupter struct {
	at        string
	interrupt func()
}

func (i *interrupter) Write(text []byte) (int, error) {
	if bytes.Contains(text, []byte(i.at)) {
		i.interrupt()
	}
	return len(text), nil
}

// wantNoSchema looks for what a process left in the database.
func wantNoSchema(t *testing.T, process int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), os.Getenv("DATABASE_URL"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, $1)", fmt.Sprintf("%s%d_", schemaPrefix, process))
	if err != nil {
		t.Fatal(err)
	}
	left, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// Ctrl-C reaches it as the signal that it is.
func TestMainInterrupted(t *testing.T) {
	program := exec.Command(os.Args[0])
	program.Env = append(os.Environ(), "POSTGRES_TEST_MAIN=1")
	stdout, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := stdout.Read(make([]byte, 1)); err != nil { // it is under way
		t.Fatal(err)
	}
	if err := program.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, stdout)
	if err := program.Wait(); program.ProcessState.ExitCode() != 1 {
		t.Errorf("got %v, want exit code 1", err)
	}
	wantNoSchema(t, program.Process.Pid)
}

// Without a DATABASE_URL it says what to do, and exits with 2.
func TestMainWithoutURL(t *testing.T) {
	program := exec.Command(os.Args[0])
	program.Env = append(os.Environ(), "POSTGRES_TEST_MAIN=1", "DATABASE_URL=")
	said, err := program.CombinedOutput()
	if program.ProcessState.ExitCode() != 2 || !strings.Contains(string(said), "export DATABASE_URL=$(examples/postgres/server.sh start)") {
		t.Errorf("got %v and:\n%s", err, said)
	}
}

func TestRunNowhere(t *testing.T) {
	for _, url := range []string{"postgres://localhost:port/", "postgres://127.0.0.1:1/postgres"} {
		if err := run(t.Context(), io.Discard, url); err == nil || errors.Is(err, errNoURL) {
			t.Errorf("%s: got %v", url, err)
		}
	}
}
