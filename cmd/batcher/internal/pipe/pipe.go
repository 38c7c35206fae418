// Package pipe runs a command once for each batch of the lines of a stream,
// and prints a result for each line.
//
// Lines go one way, with bounded memory all along: the intake takes room in the
// window, reads a line and submits it; the Batcher runs the command; the printer
// prints the results, in the order of the input, and gives the room back. A line
// that is not answered is reported instead; none is lost.
package pipe

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/gobatcher/batcher"
)

// Config says what to run for which batches.
type Config struct {
	Options   batcher.Options // valid; MaxPending, over zero, bounds the lines held
	Command   []string        // the program and its arguments
	Unordered bool            // print a batch as it ends
	Separator byte            // of lines, everywhere
	MaxLine   int             // longest line, in bytes; over zero
	Timeout   time.Duration   // longest run of a command; zero: no limit
	Grace     time.Duration   // longest wait for accepted lines after an interrupt; zero: none
	Progress  bool            // show a progress line if Streams.Err is a terminal; only at the end if Streams.In is one too
}

// Streams are the standard streams.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// ErrFailed means that lines have failed, or that their results could not be
// written. Either has been reported.
var ErrFailed = errors.New("lines have failed")

// Run reads lines until the end of std.In, and returns when all are answered.
// When ctx ends, it reads no more, and the lines it has accepted have
// cfg.Grace, or until cut ends, to be answered; then it reports what is left and
// returns ctx's cause. It returns ErrFailed if lines have failed, an
// *exec.Error if the command cannot be run, and nil even if the reader of std.Out
// has gone away.
//
// Once cut has ended, Run soon returns even if a read of std.In or a write to
// std.Out or std.Err never does; then such a call is left behind.
func Run(ctx, cut context.Context, cfg Config, std Streams) error {
	p, err := newPipe(ctx, cut, cfg, std)
	if err != nil {
		return err
	}
	defer p.stop(nil)
	if p.showsProgress() {
		stop := p.console.progress(p.ledger.String, isTerminal(std.In))
		defer func() { p.wait(stop()) }()
	}
	printed := make(chan struct{})
	go func() {
		defer close(printed)
		p.printInOrder()
	}()
	err = p.readAll(std.In)
	p.finish(printed)
	return p.verdict(err)
}

// pipe is one run.
type pipe struct {
	cfg      Config
	ctx, cut context.Context         // reading ends with the first, everything with the second
	endCut   context.CancelCauseFunc // ends cut
	endCtx   context.CancelCauseFunc // ends ctx
	noticed  chan struct{}           // closed when the end of ctx was announced

	batcher *batcher.Batcher[*request, []byte]
	command *command
	window  *window
	queue   *queue
	output  *output
	console *console
	ledger  ledger
	slab    slab // used by readAll alone
}

func newPipe(ctx, cut context.Context, cfg Config, std Streams) (*pipe, error) {
	p := &pipe{
		cfg:     cfg,
		noticed: make(chan struct{}),
		window:  newWindow(cfg.Options.MaxPending),
		queue:   newQueue(),
		console: newConsole(std.Err),
	}
	out, stderr := std.Out, std.Err
	if p.showsProgress() {
		stderr = p.console
		if isTerminal(out) {
			out = above{p.console, out}
		}
	} else if _, ok := stderr.(*os.File); !ok {
		stderr = p.console // several goroutines write to it
	}
	var err error
	if p.command, err = newCommand(cfg, stderr); err != nil {
		return nil, err
	}
	p.output = newOutput(out, p.console, cfg.Separator)
	p.output.settle = p.settle
	p.output.broken = func(err error) { p.stop(outputError{err}) } // nobody is left to work for
	// A batch that is being printed has given room in the window back, and is not
	// answered yet: a bound of the Batcher's own would have Submit wait for its end.
	opts := cfg.Options
	opts.MaxPending = 0
	p.batcher = batcher.New(p.process, opts)
	p.ctx, p.endCtx = context.WithCancelCause(ctx)
	p.cut, p.endCut = context.WithCancelCause(cut)
	context.AfterFunc(p.ctx, p.windDown)
	return p, nil
}

func (p *pipe) showsProgress() bool { return p.cfg.Progress && p.console.isTerminal() }

// stop ends everything at once.
func (p *pipe) stop(cause error) {
	p.endCut(cause)
	p.endCtx(cause)
}

// process is the batcher.Func.
func (p *pipe) process(ctx context.Context, reqs []*request) ([][]byte, error) {
	p.ledger.batches.Add(1)
	p.ledger.batched.Add(int64(len(reqs)))
	lines := make([][]byte, len(reqs))
	for i, req := range reqs {
		lines[i], req.text = req.text, nil // the request is kept longer than its line may be
	}
	results, err := p.command.run(ctx, lines)
	if p.cfg.Unordered {
		p.printBatch(reqs, results, err)
	}
	return results, err
}
