// Command gate measures the gateway as a program: what it costs a request, what it gains in front of an upstream with a fixed cost, and what waiting
// requests cost in memory. Upstream, gateway and load generator are processes of their own.
//
//	go run ./bench/gate          # half a minute; fails if a goal is missed
//	go run ./bench/gate -seconds 10
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "gate:", err)
		os.Exit(1)
	}
}

// run is the command, or one of its child processes.
func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case "stub":
			return runStub(ctx, args[1:], out)
		case "load":
			return runLoad(ctx, args[1:], out)
		case "bare":
			return runBare(ctx, args[1:], out)
		case "wait":
			return runWait(ctx, args[1:], out)
		}
	}
	flags := flag.NewFlagSet("gate", flag.ContinueOnError)
	seconds := flags.Float64("seconds", 5, "how long each load lasts")
	callers := flags.Int("connections", 256, "connections of a load, each with one request at a time")
	waiting := flags.Int("waiting", 10_000, "requests that wait, where their memory is measured")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	b, err := newBench(ctx, time.Duration(*seconds*float64(time.Second)), *callers, *waiting)
	if err != nil {
		return err
	}
	defer b.close()
	return b.run(out)
}
