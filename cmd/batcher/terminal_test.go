//go:build unix

package main_test

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
)

// terminal opens a terminal so many columns wide. screen ends it, and gives
// what it has shown; seen gets it all along.
func terminal(t *testing.T, columns uint16, seen *listener) (tty *os.File, keyboard io.Writer, screen func() string) {
	t.Helper()
	control, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(control, &pty.Winsize{Rows: 24, Cols: columns}); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		io.Copy(seen, control) // ends with an error when nobody holds tty any more
	}()
	return tty, control, func() string {
		tty.Close()
		<-ended
		control.Close()
		return seen.String()
	}
}

func TestProgressOnTerminal(t *testing.T) {
	tty, _, screen := terminal(t, 120, &listener{})
	cmd := exec.Command(built, "pipe", "--max-size", "10", "--manual", "sh", "-c", `read x; echo $x; [ $x != 11 ] && cat`)
	cmd.Stdin = strings.NewReader(numbers(1, 25))
	cmd.Stderr = tty
	stdout, err := cmd.Output()
	if err == nil || string(stdout) != numbers(1, 10)+numbers(21, 25) {
		t.Errorf("%q, %v", stdout, err)
	}
	shown := screen()
	last := "\rlines in 25, out 15, failed 10; batches 3, mean size 8.3\x1b[K\r\n"
	if !strings.HasSuffix(shown, last) {
		t.Errorf("shows %q, not %q at the end", shown, last)
	}
	if !strings.Contains(shown, "batcher: line 11: sh: exit status 1\r\n") {
		t.Errorf("shows %q, which tells of no failure", shown)
	}
}

// TestProgressKeepsClearOfResults has both on one narrow terminal.
func TestProgressKeepsClearOfResults(t *testing.T) {
	tty, _, screen := terminal(t, 20, &listener{})
	cmd := exec.Command(built, "pipe", "--manual", "cat")
	cmd.Stdin = strings.NewReader(numbers(1, 3))
	cmd.Stdout, cmd.Stderr = tty, tty
	if err := cmd.Run(); err != nil {
		t.Error(err)
	}
	shown := screen()
	results, progress := 0, 0
	for line := range strings.SplitSeq(strings.TrimSuffix(shown, "\r\n"), "\r\n") {
		switch left := visible(line); {
		case left == "1", left == "2", left == "3":
			results++
		case left == "lines in 3, out 3, ":
			progress++
		default:
			t.Errorf("shows the line %q", left)
		}
	}
	if results != 3 || progress != 1 {
		t.Errorf("shows %q: %d results, %d progress lines", shown, results, progress)
	}
}

// visible is what is seen of a line once all is written over that can be.
func visible(line string) string {
	line = strings.TrimSuffix(line, "\x1b[K")
	if i := strings.LastIndexByte(line, '\r'); i >= 0 {
		line = line[i+1:]
	}
	return strings.TrimPrefix(line, "\x1b[K")
}

func TestNoProgress(t *testing.T) {
	tty, _, screen := terminal(t, 80, &listener{})
	cmd := exec.Command(built, "pipe", "--no-progress", "cat")
	cmd.Stdin, cmd.Stderr = strings.NewReader("a line\n"), tty
	if err := cmd.Run(); err != nil {
		t.Error(err)
	}
	if shown := screen(); shown != "" {
		t.Errorf("shows %q", shown)
	}
}

// TestControlCLeavesCommandsAlone types it where it reaches all processes of
// the foreground: the batch finishes nevertheless.
func TestControlCLeavesCommandsAlone(t *testing.T) {
	fifo := makeFIFO(t)
	seen := &listener{waitFor: "ends at once\r\n", heard: make(chan struct{})}
	tty, keyboard, screen := terminal(t, 120, seen)
	cmd := exec.Command(built, "pipe", "--manual", "--max-size", "2", "sh", "-c", `echo go >"$0"; read go <"$0"; cat`, fifo)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	io.WriteString(keyboard, "one\ntwo\n")
	if _, err := os.ReadFile(fifo); err != nil { // the command runs
		t.Error(err)
	}
	io.WriteString(keyboard, "\x03")
	<-seen.heard
	writeFile(t, fifo, "go\n")
	cmd.Wait() // its error is the exit status
	if got := cmd.ProcessState.ExitCode(); got != 130 {
		t.Errorf("status %d", got)
	}
	shown := screen()
	if !strings.Contains(shown, "\r\none\r\ntwo\r\n") || !strings.Contains(shown, "2 lines read, 2 printed, 0 failed") {
		t.Errorf("shows %q", shown)
	}
	if n := strings.Count(shown, "lines in"); n != 1 {
		t.Errorf("shows %q: the progress line %d times, while somebody types", shown, n)
	}
}
