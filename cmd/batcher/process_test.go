//go:build unix

package main_test

import (
	"bufio"
	"bytes"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// process is the built program while it runs, leading a process group as a
// shell would have it.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout io.ReadCloser
	stderr *bufio.Reader
}

func start(t *testing.T, args ...string) *process {
	t.Helper()
	return startCommand(t, exec.Command(built, args...))
}

func startCommand(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if p.stdout, err = p.cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stderr = bufio.NewReader(stderr)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill() })
	return p
}

func (p *process) write(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.stdin, text); err != nil {
		p.t.Fatal(err)
	}
}

// hears waits for a line on standard error that begins like this, and passes
// over others.
func (p *process) hears(beginning string) {
	p.t.Helper()
	for {
		line, err := p.stderr.ReadString('\n')
		if err != nil {
			p.t.Fatalf("stderr ends with %q, %v, and no %q", line, err, beginning)
		}
		if strings.HasPrefix(line, beginning) {
			return
		}
	}
}

// prints waits for what comes next on standard output.
func (p *process) prints(want string) {
	p.t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(p.stdout, got); err != nil || string(got) != want {
		p.t.Fatalf("stdout goes on with %q, %v, want %q", got, err, want)
	}
}

// signal sends a signal to the whole process group, as a terminal does.
func (p *process) signal(sig syscall.Signal) {
	p.t.Helper()
	if err := syscall.Kill(-p.cmd.Process.Pid, sig); err != nil {
		p.t.Fatal(err)
	}
}

// end waits for the end of the program, and of all the commands that it ran,
// which also hold its standard error.
func (p *process) end() outcome {
	p.t.Helper()
	stdout := make(chan string)
	go func() {
		all, _ := io.ReadAll(p.stdout)
		stdout <- string(all)
	}()
	stderr, err := io.ReadAll(p.stderr)
	if err != nil {
		p.t.Error(err)
	}
	said := <-stdout
	p.cmd.Wait() // its error is the exit status
	return outcome{p.cmd.ProcessState.ExitCode(), said, string(stderr)}
}

func TestInterruptLetsAcceptedLinesFinish(t *testing.T) {
	for sig, want := range map[syscall.Signal]struct {
		status int
		name   string
	}{
		syscall.SIGINT:  {130, "SIGINT"},
		syscall.SIGTERM: {143, "SIGTERM"},
		syscall.SIGHUP:  {129, "SIGHUP"},
	} {
		fifo := makeFIFO(t)
		p := start(t, "pipe", "--manual", "--max-size", "3", "--", "sh", "-c", `echo started >&2; read go <"$0"; cat`, fifo)
		p.write(numbers(1, 3) + "not a whole line") // and the input stays open
		p.hears("started")
		p.signal(sig)
		p.hears("batcher: interrupted (" + want.name + "): finishing 3 accepted lines within 10s; a second signal ends at once")
		writeFile(t, fifo, "go\n")
		p.end().check(t, want.status, numbers(1, 3),
			"batcher: interrupted ("+want.name+"): 3 lines read, 3 printed, 0 failed\n")
	}
}

func TestGracePeriodEnds(t *testing.T) {
	p := start(t, "pipe", "--manual", "--max-size", "2", "--grace", "50ms", "sh", "-c",
		`read first; echo "$first"; cat; [ "$first" = 1 ] || { echo started >&2; sleep 1000; }`)
	p.write(numbers(1, 4))
	p.hears("started")
	p.signal(syscall.SIGTERM)
	p.hears("batcher: interrupted (SIGTERM): finishing ")
	p.end().check(t, 143, numbers(1, 2),
		"batcher: interrupted (SIGTERM), the grace period is over: 4 lines read, 2 printed, 0 failed; 2 left without an answer: 3-4\n")
}

func TestNoGracePeriod(t *testing.T) {
	for _, order := range []string{"--unordered=false", "--unordered=true"} {
		p := start(t, "pipe", order, "--manual", "--max-size", "2", "--grace", "0", "sh", "-c", "echo started >&2; sleep 1000 & wait")
		p.write(numbers(1, 2))
		p.hears("started")
		p.signal(syscall.SIGINT)
		p.end().check(t, 130, "",
			"batcher: interrupted (SIGINT), the grace period is over: 2 lines read, 0 printed, 0 failed; 2 left without an answer: 1-2\n")
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	p := start(t, "pipe", "--manual", "--max-size", "2", "--grace", "1h", "sh", "-c", "echo started >&2; sleep 1000")
	p.write(numbers(1, 2))
	p.hears("started")
	p.signal(syscall.SIGINT)
	p.hears("batcher: interrupted (SIGINT): finishing 2 accepted lines within 1h")
	p.signal(syscall.SIGINT)
	p.end().check(t, 130, "",
		"batcher: interrupted (SIGINT), a second signal: 2 lines read, 0 printed, 0 failed; 2 left without an answer: 1-2\n")
}

// TestSecondSignalEndsThoughNobodyReads has more results than a pipe takes,
// and refused lines behind them.
func TestSecondSignalEndsThoughNobodyReads(t *testing.T) {
	for _, order := range []string{"--unordered=false", "--unordered=true"} {
		p := start(t, "pipe", order, "--max-pending", "3", "--max-line", "100000", "sh", "-c", "cat; echo started >&2")
		large := strings.Repeat("x", 100_000) + "\n"
		p.write(large)
		p.hears("started")
		p.write("x" + large)
		p.signal(syscall.SIGINT)
		p.hears("batcher: interrupted (SIGINT): finishing ")
		p.signal(syscall.SIGINT)
		p.hears("batcher: interrupted (SIGINT), a second signal: ")
		if o := p.end(); o.status != 130 {
			t.Errorf("status %d", o.status)
		}
	}
}

// TestGracePeriodEndsThoughNobodyReads has a standard error that takes nothing.
func TestGracePeriodEndsThoughNobodyReads(t *testing.T) {
	p := startCommand(t, exec.Command("sh", "-c", `exec "$0" pipe --max-size 1 --grace 10ms sh -c "$1" 2>"$2"`,
		built, `read line; echo "$line"; [ "$line" = 1 ] || sleep 1000`, makeStuffedFIFO(t)))
	p.write(numbers(1, 2))
	p.prints(numbers(1, 1))
	p.signal(syscall.SIGTERM)
	p.end().check(t, 143, "", "")
}

func TestInterruptWithoutInput(t *testing.T) {
	p := start(t, "pipe", "sh", "-c", "cat; echo done >&2")
	p.write("a line\n")
	p.hears("done")
	p.prints("a line\n")
	p.signal(syscall.SIGINT)
	p.hears("batcher: interrupted (SIGINT): 1 lines read, 1 printed, 0 failed")
	p.end().check(t, 130, "", "")
}

// TestIgnoredSignalsStayIgnored is nohup, and a job in a shell's background.
func TestIgnoredSignalsStayIgnored(t *testing.T) {
	p := startCommand(t, exec.Command("sh", "-c", `trap "" INT HUP; exec "$0" pipe cat`, built))
	p.write("a line\n")
	p.prints("a line\n")
	p.signal(syscall.SIGINT)
	p.signal(syscall.SIGHUP)
	p.write("another\n")
	p.stdin.Close()
	p.end().check(t, 0, "another\n", "")
}

// TestResultsArePrintedWhenTheyAreThere, though the next batch runs on.
func TestResultsArePrintedWhenTheyAreThere(t *testing.T) {
	fifo := makeFIFO(t)
	p := start(t, "pipe", "--manual", "--max-size", "2", "sh", "-c", `read first; echo "$first"; cat; [ "$first" = 1 ] || read go <"$0"`, fifo)
	p.write(numbers(1, 4))
	p.stdin.Close()
	p.prints(numbers(1, 2))
	writeFile(t, fifo, "go\n")
	p.end().check(t, 0, numbers(3, 4), "")
}

func TestNobodyReadsTheOutput(t *testing.T) {
	for _, order := range []string{"--unordered=false", "--unordered=true"} {
		p := start(t, "pipe", order, "--max-size", "10", "--max-concurrent", "2", "cat")
		go func() {
			for { // like yes
				if _, err := io.WriteString(p.stdin, "a line\n"); err != nil {
					return
				}
			}
		}()
		p.prints("a line\n")
		p.stdout.Close()
		p.end().check(t, 0, "", "")
	}
}

// TestNobodyReadsStopsCommands has a command that would run on when the
// result of another one cannot be printed.
func TestNobodyReadsStopsCommands(t *testing.T) {
	p := start(t, "pipe", "--unordered", "--max-size", "1", "--max-concurrent", "2", "sh", "-c",
		`read line; echo "$line"; [ "$line" = short ] || { echo started >&2; sleep 1000; }`)
	p.write("long\n")
	p.hears("started")
	p.stdout.Close()
	p.write("short\n")
	p.end().check(t, 0, "", "")
}

// TestCommandsGetTheUsualSIGPIPE has a command whose first process would
// complain if SIGPIPE were ignored.
func TestCommandsGetTheUsualSIGPIPE(t *testing.T) {
	p := start(t, "pipe", "sh", "-c", "cat >/dev/null; yes | head -n 1")
	p.write("a line\n")
	p.stdin.Close()
	p.end().check(t, 0, "y\n", "")
}

// TestNoProgressInPipe: what a terminal shows, a file does not.
func TestNoProgressInPipe(t *testing.T) {
	cmd := exec.Command(built, "pipe", "cat")
	cmd.Stdin = strings.NewReader(numbers(1, 25))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Run()
	outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}.check(t, 0, numbers(1, 25), "")
}
