package server

import (
	"fmt"
	"os"
)

// complaints is a server's logger that keeps to what went wrong.
type complaints struct{}

// Noticef says nothing.
func (complaints) Noticef(string, ...any) {}

// Debugf says nothing.
func (complaints) Debugf(string, ...any) {}

// Tracef says nothing.
func (complaints) Tracef(string, ...any) {}

// Warnf writes to standard error.
func (complaints) Warnf(format string, args ...any) { complain("warning", format, args) }

// Errorf writes to standard error.
func (complaints) Errorf(format string, args ...any) { complain("error", format, args) }

// Fatalf writes to standard error and ends the process.
func (complaints) Fatalf(format string, args ...any) {
	complain("fatal", format, args)
	os.Exit(1)
}

func complain(level, format string, args []any) {
	fmt.Fprintf(os.Stderr, "nats-server: "+level+": "+format+"\n", args...)
}
