package main_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	program "github.com/gobatcher/batcher/cmd/batcher"
)

// built is the program as it is shipped, for what only a process of its own
// shows: signals, terminals, closed pipes.
var built string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "batcher")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	built = filepath.Join(dir, "batcher")
	if said, err := exec.Command("go", "build", "-o", built, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, said)
		return 1
	}
	heedSignals()
	return m.Run()
}

// heedSignals undoes what nohup and a shell's background job ignore, which
// the program would inherit and, as it should, ignore too.
func heedSignals() {
	for _, sig := range []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM} {
		if signal.Ignored(sig) {
			signal.Notify(make(chan os.Signal, 1), sig)
		}
	}
}

// outcome is how a run ended and what it wrote.
type outcome struct {
	status         int
	stdout, stderr string
}

// run runs the program inside the test.
func run(stdin string, args ...string) outcome {
	var stdout, stderr strings.Builder
	status := program.Run(context.Background(), args, strings.NewReader(stdin), &stdout, &stderr)
	return outcome{status, stdout.String(), stderr.String()}
}

func (o outcome) check(t *testing.T, status int, stdout, stderr string) {
	t.Helper()
	if o.status != status {
		t.Errorf("status %d, want %d", o.status, status)
	}
	if o.stdout != stdout {
		t.Errorf("stdout:\n%.500s\nwant:\n%.500s", o.stdout, stdout)
	}
	if o.stderr != stderr {
		t.Errorf("stderr:\n%.500s\nwant:\n%.500s", o.stderr, stderr)
	}
}

// checkUsage checks that a run has failed with one of usage, which names all this.
func (o outcome) checkUsage(t *testing.T, names ...string) {
	t.Helper()
	o.check(t, 2, "", o.stderr)
	for _, name := range names {
		if !strings.Contains(o.stderr, name) {
			t.Errorf("stderr does not name %q:\n%s", name, o.stderr)
		}
	}
	if !strings.Contains(o.stderr, "--help") {
		t.Errorf("stderr does not say where to get help:\n%s", o.stderr)
	}
}

// numbers gives the lines from first to last, like seq.
func numbers(first, last int) string {
	var b strings.Builder
	for i := first; i <= last; i++ {
		fmt.Fprintln(&b, i)
	}
	return b.String()
}

func TestVersion(t *testing.T) {
	said, err := exec.Command(built, "--version").Output()
	if err != nil || !regexp.MustCompile(`^batcher \S+ go\S+ \w+/\w+\n$`).Match(said) {
		t.Errorf("%q, %v", said, err)
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{}, {"--help"}, {"help"}} {
		if o := run("", args...); o.status != 0 || !strings.Contains(o.stdout, "Run a command once for each batch") {
			t.Errorf("%q: status %d, stdout:\n%s", args, o.status, o.stdout)
		}
	}
	run("", "help", "nope").checkUsage(t, `help: unknown command "nope"`)
	run("", "help", "dlq", "nope").checkUsage(t, `help: unknown command "nope" for "batcher dlq"`)
	run("", "dlq", "nope", "--help").checkUsage(t, `unknown command "nope" for "batcher dlq"`)
	if got, want := run("", "help", "pipe"), run("", "pipe", "--help"); got != want {
		t.Errorf("help pipe: %+v\nwant %+v", got, want)
	}
	if o := run("", "pipe", "--help"); o.status != 0 || !strings.Contains(o.stdout, "--max-pending") {
		t.Errorf("pipe: status %d, stdout:\n%s", o.status, o.stdout)
	}
}

// Help fits a terminal of the usual width.
func TestHelpIsNarrow(t *testing.T) {
	for _, verb := range []string{"pipe", "serve", "check", "worker", "demo"} {
		for line := range strings.Lines(run("", verb, "--help").stdout) {
			if utf8.RuneCountInString(line) > 81 { // with its end
				t.Errorf("%s: %s", verb, line)
			}
		}
	}
}

func TestUnknownVerb(t *testing.T) {
	run("", "nope").checkUsage(t, `"nope"`)
	run("", "nope", "--help").checkUsage(t, `"nope"`)
	run("", "--", "nope").checkUsage(t, `"nope"`)
	run("", "--nope").checkUsage(t, "--nope")
}
