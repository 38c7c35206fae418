package main

import (
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
)

// childMark makes this test program the command itself, since child processes are started from the running program.
const childMark = "GATE_TEST_IS_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childMark) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// A short run measures everything; whether goals are met is not a test's business.
func TestRun(t *testing.T) {
	t.Setenv(childMark, "1")
	var out strings.Builder
	err := run(t.Context(), []string{"-seconds=0.5", "-connections=32", "-waiting=100"}, &out)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if want := "throughput and p99 are those with --max-items=16 --max-concurrent=2 --delay=20ms"; lines[0] != want {
		t.Errorf("got %q, want %q", lines[0], want)
	}
	lines = lines[1:]
	if len(lines) != 5 {
		t.Fatalf("got %d goals, %v:\n%s", len(lines), err, out.String())
	}
	for i, want := range []string{"CPU of the gateway, 32 connections", "throughput", "p99", "memory of 100 waiting requests, HTTP/1.1", "memory of 100 waiting requests, HTTP/2"} {
		if !strings.Contains(lines[i], want) || !strings.HasPrefix(lines[i], "met") && !strings.HasPrefix(lines[i], "MISSED") {
			t.Errorf("line %d is %q, want %q met or missed", i, lines[i], want)
		}
	}
	if missed := strings.Contains(out.String(), "MISSED"); missed != (err != nil) {
		t.Errorf("got %v after\n%s", err, out.String())
	}
}

func TestCommandLines(t *testing.T) {
	for _, args := range [][]string{{"-nonsense"}, {"stub", "-nonsense"}, {"load", "-nonsense"}, {"wait", "-nonsense"}, {"bare", "-nonsense"}, {"nonsense"}} {
		if err := run(t.Context(), args, &strings.Builder{}); err == nil || errors.Is(err, flag.ErrHelp) {
			t.Errorf("%v: got %v", args, err)
		}
	}
	if err := run(t.Context(), []string{"load", "-at=127.0.0.1:1"}, &strings.Builder{}); err == nil {
		t.Error("a load on a server that does not answer is no error")
	}
}
