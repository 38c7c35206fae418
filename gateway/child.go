package gateway

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobatcher/batcher/gateway/internal/jsonraw"
)

// child is one process of a Program. It has two goroutines, which end with it:
// one reads what it writes, the other waits for its end.
type child struct {
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	stdout  *os.File
	most    int64         // bytes of a line
	asked   atomic.Bool   // an answer is due
	bad     atomic.Bool   // it must not be asked again
	line    chan []byte   // the answer
	batches int           // that it was asked; belongs to the goroutine that asks
	killed  sync.Once     // killed before it is waited for: later its id may be another's
	ended   chan struct{} // closed when the process has ended and been waited for
	fate    error         // why; read after ended
}

var (
	errNoise  = errors.New("the program wrote what was not asked for: its output is for answers alone")
	errUnread = errors.New("the program did not read its input")
	errHang   = timeoutError("the program did not answer in time")
)

// timeoutError is a net.Error that says so.
type timeoutError string

func (e timeoutError) Error() string { return string(e) }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }

func startChild(command []string, opts ProgramOptions) (*child, error) {
	c := &child{cmd: exec.Command(command[0], command[1:]...), most: opts.MaxAnswer, line: make(chan []byte, 1), ended: make(chan struct{})}
	c.cmd.Dir, c.cmd.Env, c.cmd.Stderr = opts.Dir, opts.Env, opts.Stderr
	c.cmd.WaitDelay = time.Second // in case another process inherited standard error
	ownGroup(c.cmd)
	var err error
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	var out *os.File // not a StdoutPipe, which is closed at the end of the process, read or not
	if c.stdout, out, err = os.Pipe(); err != nil {
		_ = c.stdin.Close()
		return nil, err
	}
	c.cmd.Stdout = out
	err = c.cmd.Start()
	_ = out.Close() // it is the process's
	if err != nil {
		_ = c.stdout.Close()
		return nil, fmt.Errorf("the program cannot be started: %w", err)
	}
	silent := make(chan struct{})
	exit := make(chan error, 1)
	go func() { exit <- c.wait(silent) }()
	go c.read(silent, exit)
	return c, nil
}

// lastWords is how long processes that an ended process has started, and that
// could not be killed with it, may hold its output open.
const lastWords = time.Second

// wait returns the error that the process ends with. What it has started is
// killed with it: else that could hold its output open, and its end would go
// unnoticed.
func (c *child) wait(silent <-chan struct{}) error {
	untilEnded(c.cmd, silent)
	c.end()
	_ = c.stdout.SetReadDeadline(time.Now().Add(lastWords))
	return c.cmd.Wait()
}

// read passes on what the process writes, until it ends or writes unasked.
func (c *child) read(silent chan<- struct{}, exit <-chan error) {
	r := bufio.NewReader(c.stdout)
	why := errNoise
	for {
		line, err := readLine(r, c.most)
		if err != nil {
			why = err
			break
		}
		if !c.asked.CompareAndSwap(true, false) || r.Buffered() > 0 {
			break
		}
		c.line <- line
	}
	c.kill()
	close(silent)
	err := <-exit
	if errors.Is(why, io.EOF) || errors.Is(why, os.ErrClosed) || errors.Is(why, os.ErrDeadlineExceeded) {
		why = errors.New("the program ended: exit status 0")
		if err != nil {
			why = fmt.Errorf("the program ended: %w", err)
		}
	}
	c.fate = why
	close(c.ended)
}

// readLine reads a line of at most so many bytes (zero and less: no limit), and
// returns it without the line break. What an ended process left without one is no
// line.
func readLine(r *bufio.Reader, most int64) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if most > 0 && int64(len(line)+len(part))-1 > most {
			return nil, fmt.Errorf("the program wrote a line longer than %d bytes", most)
		}
		line = append(line, part...)
		switch {
		case err == nil:
			return line[:len(line)-1], nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

// fit reports whether it may be asked.
func (c *child) fit() bool { return !c.bad.Load() }

// ask writes a batch and waits for its answer. After an error the child must
// not be asked again. limit is the longest that it may take; zero and less: none.
func (c *child) ask(body []byte, limit time.Duration) ([]byte, error) {
	var late atomic.Bool
	if limit > 0 {
		timer := time.AfterFunc(limit, func() { late.Store(true); c.kill() })
		defer timer.Stop()
	}
	c.batches++
	c.asked.Store(true)
	unread := false
	if _, err := c.stdin.Write(append(body[:len(body):len(body)], '\n')); err != nil {
		unread = true
		c.kill()
	}
	select {
	case line := <-c.line:
		return line, answers(body, line)
	case <-c.ended:
	}
	select {
	case line := <-c.line: // its last
		return line, answers(body, line)
	default:
	}
	switch {
	case late.Load():
		return nil, errHang
	case unread:
		return nil, fmt.Errorf("%w: %w", errUnread, c.fate)
	}
	return nil, c.fate
}

// answers returns an error that says why line is no answer to body, or nil.
func answers(body, line []byte) error {
	results, err := count(line)
	if err != nil {
		return fmt.Errorf("the program wrote something other than a JSON array: %w", err)
	}
	if items, err := count(body); err == nil && results != items {
		return fmt.Errorf("the program wrote %d results for %d items", results, items)
	}
	return nil
}

// count counts the elements of the array in data.
func count(data []byte) (n int, err error) {
	err = jsonraw.Each(data, func(jsonraw.Span) { n++ })
	return n, err
}

// finish ends its input, upon which it should end.
func (c *child) finish() {
	c.bad.Store(true)
	_ = c.stdin.Close()
}

// kill kills it and all that it started, and its output is not read any more.
func (c *child) kill() {
	c.end()
	_ = c.stdout.Close()
}

// end kills it and all that it started. What it has written can still be read.
func (c *child) end() {
	c.bad.Store(true)
	c.killed.Do(func() {
		killGroup(c.cmd)
		_ = c.stdin.Close() // frees a writer, if something else holds the pipe open
	})
}
