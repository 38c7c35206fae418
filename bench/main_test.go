package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gobatcher/batcher/bench/report"
	"github.com/gobatcher/batcher/bench/workload"
)

// childMark makes this test program the command itself, since child processes are started from the running program.
const childMark = "BENCH_TEST_IS_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childMark) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func bench(t *testing.T, args ...string) (string, error) {
	t.Helper()
	t.Setenv(childMark, "1")
	var out strings.Builder
	err := run(t.Context(), args, &out)
	return out.String(), err
}

func TestSomeCellsArePrintedAndNothingIsWritten(t *testing.T) {
	t.Chdir(t.TempDir())
	out, err := bench(t, "-short", "-reps", "1", "-cells", "^do/1/(floor-chan|batcher-idle)$")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"do: one caller", "floor-chan", "batcher-idle", "p50 against floor-chan"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if _, err := os.Stat("docs"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("docs: %v, want none", err)
	}
}

func TestReportIsWrittenWhereAsked(t *testing.T) {
	folder := t.TempDir()
	if _, err := bench(t, "-short", "-reps", "1", "-cells", "^do/1/floor-chan$", "-o", folder); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "performance.md")); err != nil {
		t.Error(err)
	}
}

func TestOneCellRunsHere(t *testing.T) {
	out, err := bench(t, "-short", "-json", "-cells", "^do/1/floor-chan$")
	if err != nil {
		t.Fatal(err)
	}
	var result workload.Result
	if err := json.Unmarshal([]byte(out), &result); err != nil || result.Cell.String() != "do/1/floor-chan" || result.Ns == 0 {
		t.Errorf("got %+v, %v", result, err)
	}
}

func TestCommandLinesThatMakeNoSense(t *testing.T) {
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"-cells", "("}, "-cells"},
		{[]string{"-cells", "^nothing$"}, "no cell matches"},
		{[]string{"-json", "-cells", "^do/1/"}, "-json runs one cell"},
		{[]string{"-nonsense"}, "flag provided but not defined"},
		{[]string{"nonsense"}, "unknown argument"},
		{[]string{"guard", "extra"}, "unknown argument"},
		{[]string{"guard", "-nonsense"}, "flag provided but not defined"},
		{[]string{"fixed", "do"}, "fixed needs"},
		{[]string{"fixed", "do", "floor-chan", "many"}, "number of requests"},
		{[]string{"fixed", "do", "nobody", "64"}, "no such subject"},
	}
	for _, test := range tests {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			if _, err := bench(t, test.args...); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	if _, err := bench(t, "-help"); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-help: got %v", err)
	}
}

func TestPlanFollowsTheFlags(t *testing.T) {
	tests := []struct {
		options options
		want    plan
	}{
		{options{}, plan{rounds: 5, within: runTime}},
		{options{reps: 9}, plan{rounds: 9}},
		{options{short: true}, plan{rounds: 3, short: true}},
		{options{short: true, reps: 8}, plan{rounds: 8, short: true}},
	}
	for _, test := range tests {
		if got := test.options.plan(); got != test.want {
			t.Errorf("%+v: got %+v, want %+v", test.options, got, test.want)
		}
	}
}

func TestPlanEndsInTime(t *testing.T) {
	t.Setenv(childMark, "1")
	cell := workload.Cell{Workload: workload.Do, Size: 1, Subject: "floor-chan"}
	set, err := plan{rounds: 3, within: time.Nanosecond, short: true}.run(t.Context(), []workload.Cell{cell})
	if err != nil || len(set[cell]) != 1 {
		t.Errorf("got %d rounds, %v; want the first one only", len(set[cell]), err)
	}
}

func TestGuardComparesTheBatcherWithTheFloors(t *testing.T) {
	of := make(map[string]int)
	for _, cell := range guardCells() {
		of[cell.Subject]++
	}
	sizes := len(workload.Callers)
	if len(of) != 3 || of["batcher-idle"] != sizes+1 || of["floor-mutex"] != sizes+1 || of["floor-chan"] != sizes {
		t.Errorf("got %v", of)
	}
}

func TestFailedChildIsNamed(t *testing.T) {
	t.Setenv(childMark, "1")
	nobody := workload.Cell{Workload: workload.Do, Size: 1, Subject: "nobody"}
	if _, err := (plan{rounds: 1, short: true}).run(t.Context(), []workload.Cell{nobody}); err == nil || !strings.Contains(err.Error(), "do/1/nobody") {
		t.Errorf("got %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := child(ended, nobody, true, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("after an interrupt: got %v", err)
	}
}

func TestGuardFailsOnWhatIsMissed(t *testing.T) {
	held := report.Goal{Cell: "do/1", What: "cheap enough", Limit: 2, Measured: 2}
	missed := report.Goal{Cell: "do/64", What: "too dear", Limit: 2, Measured: 2.1}
	if err := verdict([]report.Goal{held}); err != nil {
		t.Errorf("all held: got %v", err)
	}
	if err := verdict([]report.Goal{held, missed}); err == nil || err.Error() != "do/64: too dear is over the limit" {
		t.Errorf("one missed: got %v", err)
	}
}

// valgrind puts a program of that name into an otherwise empty path.
func valgrind(t *testing.T, script string) {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "valgrind"), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder)
}

func TestInstructionsAreCountedOverTheDifference(t *testing.T) {
	valgrind(t, `for last; do :; done; echo "==1== I   refs:      1,000,$((100 + last / 1000))"`)
	goals, err := instructions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range goals {
		if g.Measured != 1 {
			t.Errorf("%s: got %v, want the same count for both", g.Cell, g.Measured)
		}
	}
}

func TestInstructionsNeedValgrindThatCounts(t *testing.T) {
	for script, want := range map[string]string{
		"echo nothing":            "valgrind printed none",
		"echo cannot run; exit 3": "cannot run",
	} {
		t.Run(script, func(t *testing.T) {
			valgrind(t, script)
			if _, err := instructions(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := instructions(t.Context()); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("no valgrind: got %v", err)
	}
}
