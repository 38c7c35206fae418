package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// interruption is the cause with which a context ends at a signal, or at the
// end of the context that the program was run with.
type interruption struct{ signal syscall.Signal }

func (i *interruption) Error() string { return "interrupted (" + signalNames[i.signal] + ")" }

func (i *interruption) status() int { return 128 + int(i.signal) }

var signalNames = map[syscall.Signal]string{
	syscall.SIGHUP:  "SIGHUP",
	syscall.SIGINT:  "SIGINT",
	syscall.SIGTERM: "SIGTERM",
}

// interruptions are the signals that interrupt what a user waits for.
var interruptions = []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP}

var errSecondSignal = errors.New("a second signal")

// onSignals returns two contexts: the first ends when parent does or at the
// first of these signals, always with an *interruption as its cause; the
// second ends at the second signal. A third signal kills the program. A signal
// that was ignored when the program started (nohup, a shell's background job)
// stays ignored.
//
// SIGPIPE is caught meanwhile, since by default a closed standard output
// would end the program without stopping its commands. It is not just ignored,
// because the commands would inherit that.
//
// stop undoes all of this and ends both contexts.
func onSignals(parent context.Context, signals ...syscall.Signal) (first, second context.Context, stop func()) {
	first, endFirst := context.WithCancelCause(context.WithoutCancel(parent))
	second, endSecond := context.WithCancelCause(context.WithoutCancel(parent))
	caught := make(chan os.Signal, 2)
	for _, sig := range signals {
		if !signal.Ignored(sig) {
			signal.Notify(caught, sig)
		}
	}
	broken := make(chan os.Signal, 1) // nobody reads it: write errors say the same
	signal.Notify(broken, syscall.SIGPIPE)

	go func() {
		defer signal.Stop(caught) // from here on a signal kills
		select {
		case sig := <-caught:
			endFirst(&interruption{sig.(syscall.Signal)})
		case <-parent.Done():
			endFirst(&interruption{syscall.SIGINT})
		case <-first.Done(): // stop
		}
		select {
		case <-caught:
			endSecond(errSecondSignal)
		case <-second.Done(): // stop
		}
	}()
	return first, second, func() {
		endFirst(nil)
		endSecond(nil)
		signal.Stop(broken)
	}
}
