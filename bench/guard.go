package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/gobatcher/batcher/bench/report"
	"github.com/gobatcher/batcher/bench/subject"
	"github.com/gobatcher/batcher/bench/workload"
)

// guardRounds is how often the guard runs each cell; the best round counts, since a disturbance only makes a round slower. While a limit is missed it
// runs as many rounds again, up to mostGuardRounds: on a busy machine a few rounds may not have had a quiet moment for both cells of a ratio.
const (
	guardRounds     = 7
	mostGuardRounds = 4 * guardRounds
)

// guarded are the cells that the guard's limits compare.
var guarded = map[workload.Name][]string{
	workload.Do:    {subject.FloorChan, subject.FloorMutex, subject.BatcherIdle},
	workload.Burst: {subject.FloorMutex, subject.BatcherIdle},
}

// guard fails when a Batcher has become clearly more expensive: it counts allocations and bytes per request exactly, compares times with the floors in
// rounds of the same run and with room for noise, and with -instructions adds what callgrind counts. It prints what it measured.
func guard(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("bench guard", flag.ContinueOnError)
	counts := flags.Bool("instructions", false, "also count instructions; needs valgrind")
	if err := parse(flags, args); err != nil {
		return err
	}
	cost, err := workload.FullBatches()
	if err != nil {
		return err
	}
	set := make(report.Set)
	var limits []report.Goal
	for rounds := 0; rounds == 0 || verdict(limits) != nil && rounds < mostGuardRounds; rounds += guardRounds {
		more, err := plan{rounds: guardRounds, short: true}.run(ctx, guardCells())
		if err != nil {
			return err
		}
		for cell, results := range more {
			set[cell] = append(set[cell], results...)
		}
		limits = set.Guard(cost)
	}
	if *counts {
		more, err := instructions(ctx)
		if err != nil {
			return err
		}
		limits = append(limits, more...)
	}
	if err := report.PrintGoals(out, limits); err != nil {
		return err
	}
	return verdict(limits)
}

// verdict names every limit that was missed.
func verdict(limits []report.Goal) error {
	var missed []error
	for _, limit := range limits {
		if !limit.Met() {
			missed = append(missed, fmt.Errorf("%s: %s is over the limit", limit.Cell, limit.What))
		}
	}
	return errors.Join(missed...)
}

func guardCells() []workload.Cell {
	var cells []workload.Cell
	for _, cell := range workload.Cells(workload.Short) {
		for _, name := range guarded[cell.Workload] {
			if cell.Subject == name {
				cells = append(cells, cell)
			}
		}
	}
	return cells
}
