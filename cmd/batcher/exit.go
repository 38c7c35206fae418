package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"time"

	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
	"github.com/gobatcher/batcher/cmd/batcher/internal/pipe"
	"github.com/gobatcher/batcher/cmd/batcher/internal/serve"
	"github.com/spf13/cobra"
)

// The exit statuses. An interrupted run ends with 128 plus the signal's number.
const (
	statusOK        = 0
	statusFailed    = 1
	statusUsage     = 2
	statusCannotRun = 126
	statusNotFound  = 127
)

// failure is an error of a verb that was called correctly; any other error comes
// from parsing the command line, and so is one of usage.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

// report writes err, unless it has been written already, and returns the exit
// status.
func report(stderr io.Writer, verb *cobra.Command, err error) int {
	var failed failure
	var interrupted *interruption
	var fault config.Fault
	var faults config.Faults
	switch {
	case err == nil:
		return statusOK
	case !errors.As(err, &failed):
		tell(stderr, "batcher: %v\nRun '%s --help' for usage.\n", err, verb.CommandPath())
		return statusUsage
	case errors.As(err, &interrupted):
		return interrupted.status()
	case errors.Is(err, pipe.ErrFailed), errors.Is(err, serve.ErrCutOff): // told already
		return statusFailed
	case errors.As(err, &fault), errors.As(err, &faults): // each line says where it is
		tell(stderr, "%v\n", err)
		return statusFailed
	}
	tell(stderr, "batcher: %v\n", err)
	if cannot := new(exec.Error); errors.As(err, &cannot) {
		if errors.Is(cannot, exec.ErrNotFound) || errors.Is(cannot, fs.ErrNotExist) {
			return statusNotFound
		}
		return statusCannotRun
	}
	return statusFailed
}

// tell writes to stderr, but does not wait for ever for a reader that is stuck.
func tell(stderr io.Writer, format string, args ...any) {
	told := make(chan struct{})
	go func() {
		defer close(told)
		fmt.Fprintf(stderr, format, args...)
	}()
	select {
	case <-told:
	case <-time.After(time.Second):
	}
}
