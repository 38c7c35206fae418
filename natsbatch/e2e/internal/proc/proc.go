// Package proc runs parts of a test as processes of their own, so that they
// can be killed, frozen and terminated like those of a machine that fails.
//
// The processes are the running program itself, started again with an
// environment variable that names a [Role]. A program that calls [Main] first
// thing can be all of its roles. Parent and child speak [net/rpc] over the
// child's standard input and output. A child ends with its parent, however
// that ends: its standard input closes, and on Linux the kernel kills it, also
// where it is frozen.
package proc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/rpc"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// readyWait bounds how long a child may take until it answers, on a machine
// whose processors are shared.
const readyWait = 60 * time.Second

// Process is a child. Its methods may be called by any number of goroutines.
type Process struct {
	role   string
	cmd    *exec.Cmd
	client *rpc.Client
	said   *output
	done   chan struct{} // closed when the child has ended
	end    error         // how; read after done
}

// Start starts a child in the named role, which gets args as JSON, and
// returns when the role says that it is ready.
func Start(role string, args any) (*Process, error) { return StartOn(home(), role, args) }

// StartOn is Start on a thread, whose view of the machine the child shares.
func StartOn(on *Thread, role string, args any) (*Process, error) {
	text, err := json.Marshal(args)
	if err != nil {
		return nil, fmt.Errorf("proc: arguments of %s: %w", role, err)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("proc: %w", err)
	}
	p := &Process{role: role, cmd: exec.Command(self), said: &output{}, done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), roleVariable+"="+role, argsVariable+"="+string(text),
		"GORACE=atexit_sleep_ms=0") // else the race detector holds every exit up for a second
	p.cmd.Stderr, p.cmd.WaitDelay = p.said, time.Second
	p.cmd.SysProcAttr = attributes()
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("proc: %w", err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("proc: %w", err)
	}
	on.Do(func() { err = p.cmd.Start() })
	if err != nil {
		return nil, fmt.Errorf("proc: start %s: %w", role, err)
	}
	p.client = rpc.NewClient(pipe{stdout, stdin})
	go p.reap()
	return p, p.ready()
}

// reap waits for the end of the child and of what it says.
func (p *Process) reap() {
	p.end = p.cmd.Wait()
	close(p.done)
	_ = p.client.Close()
}

func (p *Process) ready() error {
	call := p.client.Go(readyMethod, 0, new(int), make(chan *rpc.Call, 1))
	timer := time.NewTimer(readyWait)
	defer timer.Stop()
	var err error
	select {
	case <-call.Done:
		err = call.Error
	case <-timer.C:
		err = fmt.Errorf("not ready after %v", readyWait)
	}
	if err != nil {
		p.Kill()
		return fmt.Errorf("proc: %s: %w\n%s", p.role, err, p.said)
	}
	return nil
}

// Call calls a method of the child's service and waits for its reply. It fails
// when the child ends first.
func (p *Process) Call(method string, args, reply any) error {
	if err := p.client.Call("Role."+method, args, reply); err != nil {
		return fmt.Errorf("%s %d: %s: %w", p.role, p.PID(), method, err)
	}
	return nil
}

// Go is Call that does not wait: the error comes on the channel.
func (p *Process) Go(method string, args, reply any) <-chan error {
	done := make(chan error, 1)
	go func() { done <- p.Call(method, args, reply) }()
	return done
}

// PID is the child's process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Said is what the child has written to standard error.
func (p *Process) Said() string { return p.said.String() }

// Done is closed when the child has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Kill ends the child at once (SIGKILL), also a frozen one, and waits for its end.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.done
}

// Freeze stops the child's execution (SIGSTOP) until Thaw. On Linux it returns
// when none of its threads runs any more, which is a little after the signal.
func (p *Process) Freeze() error {
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	return stopped(p.PID())
}

// Thaw lets a frozen child go on (SIGCONT).
func (p *Process) Thaw() error { return p.cmd.Process.Signal(syscall.SIGCONT) }

// Terminate asks the child to end (SIGTERM). It does not wait.
func (p *Process) Terminate() error { return p.cmd.Process.Signal(syscall.SIGTERM) }

// Wait waits for the child's end, and gives an error unless its status is 0.
func (p *Process) Wait() error {
	<-p.done
	if p.end != nil {
		return fmt.Errorf("%s %d: %w\n%s", p.role, p.PID(), p.end, p.said)
	}
	return nil
}

// pipe is the child's standard input and output as one connection.
type pipe struct {
	io.Reader
	io.WriteCloser
}

// output keeps the end of what a child writes.
type output struct {
	mu   sync.Mutex // guards what follows
	kept bytes.Buffer
}

const mostKept = 64 << 10

func (o *output) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept.Write(text)
	if over := o.kept.Len() - mostKept; over > 0 {
		o.kept.Next(over)
	}
	return len(text), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.kept.String()
}
