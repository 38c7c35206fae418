// Command bench compares Batcher with the least code that does the same work and with other libraries, and writes docs/performance.md.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"time"

	"github.com/gobatcher/batcher/bench/report"
	"github.com/gobatcher/batcher/bench/workload"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options is the command line.
type options struct {
	cells string
	reps  int
	short bool
	json  bool
	out   string
	seed  uint64
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case "guard":
			return guard(ctx, args[1:], out)
		case "fixed":
			return fixed(args[1:])
		}
	}
	return compare(ctx, args, out)
}

func compare(ctx context.Context, args []string, out io.Writer) error {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.cells, "cells", "", "run only the cells (workload/size/subject) that match this regular `expression`, and write no report")
	flags.IntVar(&o.reps, "reps", 0, "run every cell this many times (default 5, fewer where that would take over ten minutes; with -short 3)")
	flags.BoolVar(&o.short, "short", false, "spend seconds instead of minutes, and write no report")
	flags.BoolVar(&o.json, "json", false, "run the one cell that -cells matches in this process and print what it measured")
	flags.StringVar(&o.out, "o", "", "`folder` for performance.md and its charts (default docs); if given, they are written whatever the other flags say")
	flags.Uint64Var(&o.seed, "seed", 1, "with -json: fixes when requests arrive in an open workload")
	if err := parse(flags, args); err != nil {
		return err
	}
	return o.run(ctx, out)
}

// parse is flags.Parse, and refuses arguments after the flags: otherwise a
// misspelt verb would run everything and write the report.
func parse(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	return nil
}

func (o options) run(ctx context.Context, out io.Writer) error {
	cells, err := o.selected()
	if err != nil {
		return err
	}
	if o.json {
		return o.runHere(cells, out)
	}
	set, err := o.plan().run(ctx, cells)
	if err != nil {
		return err
	}
	if err := report.Print(out, set); err != nil {
		return err
	}
	folder := o.out
	if folder == "" && o.cells == "" && !o.short {
		folder = "docs"
	}
	if folder == "" {
		return nil
	}
	return report.Write(folder, set, time.Now())
}

func (o options) budget() workload.Budget {
	if o.short {
		return workload.Short
	}
	return workload.Full
}

// runTime bounds a run for which -reps does not set the number of rounds.
const runTime = 9*time.Minute + 30*time.Second

func (o options) plan() plan {
	switch {
	case o.reps > 0:
		return plan{rounds: o.reps, short: o.short}
	case o.short:
		return plan{rounds: 3, short: true}
	}
	return plan{rounds: 5, within: runTime}
}

// selected returns the cells that -cells matches, in order.
func (o options) selected() ([]workload.Cell, error) {
	pattern, err := regexp.Compile(o.cells)
	if err != nil {
		return nil, fmt.Errorf("-cells: %w", err)
	}
	var cells []workload.Cell
	for _, cell := range workload.Cells(o.budget()) {
		if pattern.MatchString(cell.String()) {
			cells = append(cells, cell)
		}
	}
	if len(cells) == 0 {
		return nil, fmt.Errorf("no cell matches %q", o.cells)
	}
	return cells, nil
}

// runHere is what a child process does.
func (o options) runHere(cells []workload.Cell, out io.Writer) error {
	if len(cells) != 1 {
		return fmt.Errorf("-json runs one cell, -cells %q matches %d", o.cells, len(cells))
	}
	result, err := cells[0].Run(o.budget(), o.seed)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(result)
}
