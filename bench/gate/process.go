package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// process is a child process that prints where it listens, or that it is ready.
type process struct {
	cmd     *exec.Cmd
	address string // what it printed
	admin   string // the gateway only
	said    *bufio.Reader
}

// self is this program as another process.
func (b *bench) self(verb string, args ...string) *exec.Cmd {
	return exec.CommandContext(b.ctx, os.Args[0], append([]string{verb}, args...)...)
}

// start starts a child process and waits for its first line.
func (b *bench) start(cmd *exec.Cmd) (*process, error) {
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, said: bufio.NewReader(stdout)}
	line, err := p.said.ReadString('\n')
	p.address = strings.TrimSpace(line)
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("%v: %w", cmd.Args, err)
	}
	return p, nil
}

var serving = regexp.MustCompile(`msg=serving address=(\S+) admin=(\S+)`)

// startGateway starts the program as it is shipped, with its access log, which is discarded.
func (b *bench) startGateway(upstream string, args ...string) (*process, error) {
	cmd := exec.CommandContext(b.ctx, b.gateway, append([]string{"serve", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--limits-connections=0",
		"--protocol=kserve-v1", "--upstream=http://" + upstream}, args...)...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd}
	log := bufio.NewReader(stderr)
	line, err := log.ReadString('\n')
	found := serving.FindStringSubmatch(line)
	if err != nil || found == nil {
		p.stop()
		return nil, fmt.Errorf("the gateway said %q, %v", line, err)
	}
	p.address, p.admin = found[1], found[2]
	go func() { _, _ = io.Copy(io.Discard, log) }() // ends with the process
	return p, nil
}

// says waits for a line.
func (p *process) says(want string) error {
	line, err := p.said.ReadString('\n')
	if err == nil && strings.TrimSpace(line) != want {
		err = fmt.Errorf("%v said %q, want %q", p.cmd.Args, line, want)
	}
	return err
}

func (p *process) stop() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // it was killed
}

// tick is the unit of /proc/PID/stat, which is the same on all of Linux.
const tick = 10 * time.Millisecond

// cpu is the processor time that p has used; see proc(5).
func (p *process) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text)[strings.LastIndexByte(string(text), ')')+1:])
	var sum time.Duration
	for _, field := range fields[11:13] { // user and system
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(n) * tick
	}
	return sum, nil
}

var resident = regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB$`)

// memory is what p holds in memory, in MB; see proc(5).
func (p *process) memory() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	found := resident.FindSubmatch(text)
	if found == nil {
		return 0, fmt.Errorf("no VmRSS in %q", text)
	}
	kb, err := strconv.ParseFloat(string(found[1]), 64)
	return kb * 1024 / 1e6, err
}

// pending waits until all the requests that are to wait have reached the gateway.
func (b *bench) pending(gate *process) error {
	want := fmt.Sprintf("\nbatcher_items_pending{route=\"/\"} %d\n", b.waiting)
	if b.waiting >= 1e6 {
		return fmt.Errorf("-waiting is %d, must be under a million", b.waiting)
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		res, err := http.Get("http://" + gate.admin + "/metrics")
		if err != nil {
			return err
		}
		text, err := io.ReadAll(res.Body)
		_ = res.Body.Close() // all is read
		if err != nil {
			return err
		}
		if strings.Contains(string(text), want) {
			return nil
		}
	}
	return fmt.Errorf("%d requests never waited at once", b.waiting)
}

// load runs a load as another process.
func (b *bench) load(address string, warm, last time.Duration) (l loaded, err error) {
	cmd := b.self("load", "-at="+address, fmt.Sprint("-connections=", b.callers), fmt.Sprint("-warm=", warm), fmt.Sprint("-last=", last))
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return l, fmt.Errorf("%v: %w", cmd.Args, err)
	}
	return l, json.Unmarshal(text, &l)
}
