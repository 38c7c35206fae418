package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/cmd/batcher/internal/pipe"
)

// pipeFlags are the flags of pipe as they were given.
type pipeFlags struct {
	options    batcher.Options
	unordered  bool
	null       bool
	maxLine    int
	timeout    time.Duration
	grace      time.Duration
	noProgress bool
}

// config checks the flags and returns what pipe is to run with. Its errors are
// usage errors and name the flags.
func (f *pipeFlags) config(command []string) (pipe.Config, error) {
	if len(command) == 0 {
		return pipe.Config{}, errors.New("pipe: no command given")
	}
	if err := f.check(); err != nil {
		return pipe.Config{}, fmt.Errorf("pipe: %w", err)
	}
	cfg := pipe.Config{
		Options:   f.options,
		Command:   command,
		Unordered: f.unordered,
		Separator: '\n',
		MaxLine:   f.maxLine,
		Timeout:   f.timeout,
		Grace:     f.grace,
		Progress:  !f.noProgress,
	}
	if f.null {
		cfg.Separator = 0
	}
	cfg.Options.MaxPending = f.maxPending()
	// A batch that holds all that may be held cannot grow: it is full.
	if cfg.Options.MaxSize == 0 || cfg.Options.MaxSize > cfg.Options.MaxPending {
		cfg.Options.MaxSize = cfg.Options.MaxPending
	}
	return cfg, nil
}

func (f *pipeFlags) check() error {
	var faults []error
	if err := f.options.Validate(); err != nil {
		faults = append(faults, errors.New(flagNames.Replace(err.Error())))
	}
	fault := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	o := f.options
	fault(o.MaxConcurrent < 1, "--max-concurrent is %d, must be at least 1", o.MaxConcurrent)
	fault(o.MaxPending > 0 && o.MinSize > o.MaxPending && !o.StrictSize, // Validate names the strict case
		"--min-size is %d, above --max-pending, which is %d", o.MinSize, o.MaxPending)
	fault(f.maxLine < 1, "--max-line is %d, must be at least 1", f.maxLine)
	fault(f.timeout < 0, "--timeout is %v, must not be negative", f.timeout)
	fault(f.grace < 0, "--grace is %v, must not be negative", f.grace)
	return errors.Join(faults...)
}

// flagNames turns the names of fields in errors of Validate into those of flags.
var flagNames = strings.NewReplacer(
	"batcher: Options: ", "",
	"MaxSize", "--max-size",
	"MinSize", "--min-size",
	"StrictSize", "--strict-size",
	"MaxWeight", "--max-weight",
	"Delay", "--delay",
	"Manual", "--manual",
	"MaxConcurrent", "--max-concurrent",
	"MaxPending", "--max-pending",
)

// leastPending is the least default of --max-pending: enough for a command
// with small batches to find the next ones ready.
const leastPending = 10_000

// maxPending is --max-pending, or its default: one batch that runs, one that
// is printed, one that waits and one that gathers, for each command.
func (f *pipeFlags) maxPending() int {
	if f.options.MaxPending > 0 {
		return f.options.MaxPending
	}
	batch := max(f.options.MaxSize, f.options.MinSize)
	return max(leastPending, batch, 4*batch*f.options.MaxConcurrent) // the last one may have overflown
}
