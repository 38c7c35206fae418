//go:build unix

package main_test

import (
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestDemo(t *testing.T) {
	said, err := exec.Command(built, "demo", "--seconds", "3").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	rows := regexp.MustCompile(`(?m)^ +\d+ \| +\d+ +[0-9.]+ ms +[0-9.]+ ms \| +\d+ +\d+ +[0-9.]+ +[0-9.]+ ms +[0-9.]+ ms$`)
	if got := len(rows.FindAll(said, -1)); got != 3 {
		t.Errorf("%d rows, want 3:\n%s", got, said)
	}
	found := regexp.MustCompile(`: ([0-9.]+) times as many\.`).FindSubmatch(said)
	if found == nil {
		t.Fatalf("no summary:\n%s", said)
	}
	if times, err := strconv.ParseFloat(string(found[1]), 64); err != nil || times < 3 {
		t.Errorf("the gateway answers %v times as many, %v; want far more than without it:\n%s", times, err, said)
	}
	if !strings.Contains(string(said), "Every answer was checked: 0 of ") {
		t.Errorf("answers were wrong:\n%s", said)
	}
}

func TestDemoEndsAtASignal(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		p := start(t, "demo", "--seconds", "1000")
		p.prints("Two stub upstreams")
		p.signal(sig)
		o := p.end()
		if o.status != 0 || o.stderr != "" || !strings.Contains(o.stdout, "Every answer was checked") {
			t.Errorf("%v: status %d, stderr %q, stdout:\n%s", sig, o.status, o.stderr, o.stdout)
		}
	}
}

// What is kept can be played with as the demo says.
func TestDemoKeep(t *testing.T) {
	p := start(t, "demo", "--seconds", "1", "--keep")
	var said strings.Builder
	buffer := make([]byte, 4096)
	for !strings.Contains(said.String(), "Ctrl-C ends it.") {
		n, err := p.stdout.Read(buffer)
		said.Write(buffer[:n])
		if err != nil {
			t.Fatalf("%v, after\n%s", err, said.String())
		}
	}
	found := regexp.MustCompile(`curl -i (http://\S+) -d '(.*)'`).FindStringSubmatch(said.String())
	if found == nil {
		t.Fatalf("no curl in\n%s", said.String())
	}
	address := regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(found[1], "127.0.0.1:8080")
	if readme, err := os.ReadFile("../../README.md"); err != nil || !strings.Contains(string(readme), "curl -s "+address+" -d '"+found[2]+"'\n") {
		t.Errorf("README.md has not the curl of the demo, %q: %v", found[0], err)
	}
	r := post(found[1], found[2])
	if r.err != nil || r.status != 200 || r.body != `{"predictions":[6.5]}`+"\n" && r.body != `{"predictions":[6.5]}` {
		t.Errorf("got %+v", r)
	}
	if !strings.Contains(r.header.Get("Server-Timing"), "batch;desc=") {
		t.Errorf("the answer explains nothing: %v", r.header)
	}
	if r := post(found[1], `{"instances": ["a"]}`); r.status != 400 || !strings.Contains(r.body, "an instance is a list of numbers") {
		t.Errorf("a wrong instance gets %+v", r)
	}
	p.signal(syscall.SIGINT)
	if o := p.end(); o.status != 0 || o.stderr != "" {
		t.Errorf("status %d, stderr %q", o.status, o.stderr)
	}
}

func TestDemoFlags(t *testing.T) {
	run("", "demo", "--seconds=0").checkUsage(t, "--seconds is 0")
	run("", "demo", "--callers=0", "--max-items=-1", "--call=-1s").checkUsage(t, "--callers is 0", "--max-items is -1", "--call")
	run("", "demo", "--store=x", "--keep").checkUsage(t, "--keep")
	run("", "demo", "--requests=5").checkUsage(t, "--requests")
	run("", "demo", "--seconds=100000", "--callers=9999999999999", "--max-items=10001").checkUsage(t, "--seconds is 100000", "--callers is 9999999999999", "--max-items is 10001")
	run("", "demo", "--store=x", "--requests=9223372036854775807").checkUsage(t, "--requests is 9223372036854775807")
	run("", "demo", "--store=x", "--listen=127.0.0.1:0", "--seconds=1", "--max-items=1").checkUsage(t, "--listen is not for --store", "--seconds is not", "--max-items is not")
	o := run("", "demo", "--listen=127.0.0.1:99999")
	o.check(t, 1, "", o.stderr)
	if !strings.Contains(o.stderr, "99999") {
		t.Errorf("stderr: %s", o.stderr)
	}
}

// TestDemoStore is the demo of a kill in the middle of a load.
func TestDemoStore(t *testing.T) {
	cmd := exec.Command(built, "demo", "--store", t.TempDir(), "--requests", "200", "--callers", "8")
	cmd.Env = append(os.Environ(), "BATCHER_LOG_FORMAT=json") // which is not meant for it
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	for _, want := range []string{"kill -9 after ", "Started again", "Accepted 200, answered 200, wrong 0, lost 0."} {
		if !strings.Contains(string(said), want) {
			t.Errorf("no %q in\n%s", want, said)
		}
	}
	run("", "demo", "--store=/tmp/x", "--requests=1").checkUsage(t, "--requests is 1")
	o := run("", "demo", "--store=/dev/null/x")
	if o.status != 1 || !strings.Contains(o.stderr, "/dev/null") {
		t.Errorf("status %d, %s", o.status, o.stderr)
	}
}
