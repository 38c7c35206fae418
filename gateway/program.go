package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

// ProgramOptions say how a Program is run.
type ProgramOptions struct {
	// Processes is the most that run at once; a route's MaxConcurrent should be
	// equal to it. Each is started when it is first needed, and kept. Default:
	// zero, 1.
	Processes int

	// Timeout is the longest that a process may take for a batch, after which it
	// is killed. Default: zero, 30 s. Negative: no limit.
	Timeout time.Duration

	// MaxAnswer is the most bytes of the line that answers a batch. Default:
	// zero, which is DefaultMaxAnswer. Negative: no limit.
	MaxAnswer int64

	// Dir and Env are those of os/exec. Defaults: "", the present directory;
	// nil, the present environment.
	Dir string
	Env []string

	// Stderr is where the processes' standard error goes. They write to an *os.File
	// themselves; to anything else a Program writes for them, one piece at a time.
	// Default: nil, nowhere.
	Stderr io.Writer
}

// Program is an Upstream that is no server: a program in any language that, until
// its input ends, reads JSON arrays from standard input, one a line, and for each
// writes an array of as many results, in the same order, as a line to standard
// output. Its protocol is [Exec]. It is started without a shell, and leads a
// process group of its own.
//
// A process that ends, takes too long or writes anything else fails the batch
// that it had, and no other, with an [Error] whose Repeat is true; another
// process takes its place when the next batch needs it. What a program writes
// unasked after its answer can be distinguished from the answer to the next batch
// only if it does not fit that batch.
//
// When all callers of a batch have left, Send returns; the process is not
// killed, since it may have been expensive to start: it gets the rest of its
// time to finish. Make one with NewProgram.
type Program struct {
	command []string
	opts    ProgramOptions
	slots   chan struct{} // an element for each process at work

	mu     sync.Mutex // guards what follows
	idle   []*child   // the one that was at work last comes last
	all    map[*child]bool
	closed bool
}

// inTurn is a writer that several goroutines may write to.
type inTurn struct {
	mu sync.Mutex
	w  io.Writer // guarded by mu
}

func (t *inTurn) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.w.Write(p)
}

const defaultProgramTimeout = 30 * time.Second

// NewProgram makes an Upstream of a command and its arguments. It fails if there
// is no command, and starts nothing yet.
func NewProgram(command []string, opts ProgramOptions) (*Program, error) {
	if len(command) == 0 || command[0] == "" {
		return nil, errors.New("gateway: NewProgram needs a command")
	}
	if opts.Processes < 0 {
		return nil, fmt.Errorf("gateway: Processes is %d, want zero or more", opts.Processes)
	}
	set(&opts.Processes, 1)
	set(&opts.Timeout, defaultProgramTimeout)
	set(&opts.MaxAnswer, DefaultMaxAnswer)
	switch opts.Stderr.(type) {
	case nil, *os.File:
	default:
		opts.Stderr = &inTurn{w: opts.Stderr}
	}
	return &Program{command: command, opts: opts, slots: make(chan struct{}, opts.Processes), all: make(map[*child]bool)}, nil
}

// Send waits until a process is free, and lets it answer a batch.
func (p *Program) Send(ctx context.Context, _ Key, body []byte) (Answer, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return Answer{}, context.Cause(ctx)
	}
	type outcome struct {
		line []byte
		err  error
	}
	done := make(chan outcome, 1)
	go func() {
		line, err := p.ask(body)
		<-p.slots
		done <- outcome{line, err}
	}()
	select {
	case o := <-done:
		if o.err != nil {
			return Answer{}, o.err
		}
		return Answer{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: o.line}, nil
	case <-ctx.Done():
		return Answer{}, context.Cause(ctx)
	}
}

// ask lets a process answer. A process that had closed its input before it could
// have read the batch has not seen it: another gets it. A process that failed
// has been killed, so the batch may be repeated.
func (p *Program) ask(body []byte) ([]byte, error) {
	for {
		c, err := p.take()
		if err != nil {
			return nil, err
		}
		line, err := c.ask(body, p.opts.Timeout)
		fresh := c.batches == 1
		p.give(c, err) // from here on c is another's
		switch {
		case err == nil:
			return line, nil
		case fresh || !errors.Is(err, errUnread):
			return nil, programError(err)
		}
	}
}

// programError returns the answer to a batch on which a process failed, perhaps
// because of one item.
func programError(err error) *Error {
	status := http.StatusBadGateway
	if errors.Is(err, errHang) {
		status = http.StatusGatewayTimeout
	}
	e := Errorf(status, "%v", err)
	e.Repeat = true
	return e
}

// take returns an idle process, or starts one.
func (p *Program) take() (*child, error) {
	if c := p.takeIdle(); c != nil {
		return c, nil
	}
	c, err := startChild(p.command, p.opts)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all[c] = true
	if p.closed {
		p.drop(c)
	}
	return c, nil
}

// takeIdle returns the fit process that was at work last, nil if there is none.
func (p *Program) takeIdle() *child {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > 0 {
		c := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		if c.fit() {
			return c
		}
		p.drop(c)
	}
	return nil
}

// give takes a process back; one that failed is dropped.
func (p *Program) give(c *child, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil || p.closed || !c.fit() {
		p.drop(c)
		return
	}
	p.idle = append(p.idle, c)
}

// drop kills a process. p.mu is held.
func (p *Program) drop(c *child) {
	delete(p.all, c)
	c.kill()
}

// Close kills the processes and waits until they have ended. Idle ones first get
// a second to end by themselves, as their input has ended.
func (p *Program) Close() error {
	p.mu.Lock()
	p.closed = true
	idle, rest := p.idle, make([]*child, 0, len(p.all))
	p.idle = nil
	for c := range p.all {
		rest = append(rest, c)
	}
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, c := range idle {
		c.finish()
	}
	for _, c := range idle {
		select {
		case <-c.ended:
		case <-ctx.Done():
		}
	}
	for _, c := range rest {
		c.kill()
	}
	for _, c := range rest {
		<-c.ended
	}
	return nil
}
