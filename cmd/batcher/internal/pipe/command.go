package pipe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// errKilled is why a batch has no answer if its command was killed at the end.
var errKilled = errors.New("killed")

// errTimeout is why a batch fails whose command ran into Config.Timeout.
var errTimeout = errors.New("killed: it ran longer than --timeout")

// linger is how long the output of a command may stay open after the command has
// ended or was killed: a process that it left behind may hold it open.
const linger = 5 * time.Second

// command runs a program once for each batch.
type command struct {
	path      string
	args      []string // with the program's name, as it was given
	separator byte
	limit     int           // longest line that it may print
	timeout   time.Duration // zero: none
	linger    time.Duration
	stderr    io.Writer
}

// newCommand finds the program. The error is an *exec.Error.
func newCommand(cfg Config, stderr io.Writer) (*command, error) {
	path, err := exec.LookPath(cfg.Command[0])
	if err != nil {
		return nil, err
	}
	return &command{
		path:      path,
		args:      cfg.Command,
		separator: cfg.Separator,
		limit:     cfg.MaxLine,
		timeout:   cfg.Timeout,
		linger:    linger,
		stderr:    stderr,
	}, nil
}

// run runs the program with lines on its standard input, and returns the lines
// that it prints. When it returns, the program has ended. When ctx ends, it kills
// the program's process group.
func (c *command) run(ctx context.Context, lines [][]byte) ([][]byte, error) {
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	if c.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.timeout, errTimeout)
		defer cancel()
	}
	printed := newCollector(c.separator, c.limit, len(lines), giveUp)
	ended := c.execute(ctx, &feed{lines: lines, separator: c.separator}, printed)
	results, err := c.verdict(ctx, ended, printed, len(lines))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.args[0], err)
	}
	return results, nil
}

// execute runs the program once. A program that does not read all of its
// standard input is no error.
func (c *command) execute(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	cmd := exec.Command(c.path)
	cmd.Args = c.args
	cmd.Stdin = stdin
	cmd.Stdout = stdout
	cmd.Stderr = c.stderr
	cmd.WaitDelay = c.linger
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	// Not exec.CommandContext, which stops watching ctx when the program has
	// ended: processes left behind in its group would hold us up.
	stop := context.AfterFunc(ctx, func() { killGroup(cmd) })
	defer stop()
	err := cmd.Wait()
	if errors.Is(err, exec.ErrWaitDelay) {
		killGroup(cmd)
	}
	return err
}

// verdict turns how the program ended and what it printed into results or one
// error. What we did to it ourselves explains how it ended, so that comes first.
func (c *command) verdict(ctx context.Context, ended error, printed *collector, want int) ([][]byte, error) {
	results, err := printed.all()
	switch {
	case err != nil:
		return nil, err
	case ended != nil && errors.Is(context.Cause(ctx), errTimeout):
		return nil, errTimeout
	case ended != nil && ctx.Err() != nil:
		return nil, errKilled
	case errors.Is(ended, exec.ErrWaitDelay):
		return nil, fmt.Errorf("its output was still open %v after it ended", c.linger)
	case ended != nil:
		return nil, ended
	case len(results) != want:
		return nil, fmt.Errorf("lines printed: %d, expected: %d", len(results), want)
	}
	return results, nil
}
