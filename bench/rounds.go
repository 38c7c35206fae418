package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"time"

	"github.com/gobatcher/batcher/bench/report"
	"github.com/gobatcher/batcher/bench/workload"
)

// plan says how often cells run and how much each may cost.
type plan struct {
	rounds int
	within time.Duration // no round starts that would end later than this, except the first. Zero: no limit.
	short  bool
}

// run runs every cell once a round, each in a process of its own: no cell inherits another's heap, and whatever else the machine does affects all
// cells alike.
func (p plan) run(ctx context.Context, cells []workload.Cell) (report.Set, error) {
	set := make(report.Set)
	defer progress("")
	start := time.Now()
	for round := range p.rounds {
		spent := time.Since(start)
		if round > 0 && p.within > 0 && spent+spent/time.Duration(round) > p.within {
			break
		}
		for i, cell := range cells {
			progress(fmt.Sprintf("round %d of %d, cell %d of %d: %v", round+1, p.rounds, i+1, len(cells), cell))
			result, err := child(ctx, cell, p.short, round+1)
			if err != nil {
				return nil, err
			}
			set.Add(result)
		}
	}
	return set, nil
}

// progress keeps one line on a terminal up to date, and is silent elsewhere.
func progress(line string) {
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		fmt.Fprintf(os.Stderr, "\r\033[K%s", line)
	}
}

// childTimeout is far more than any cell needs; a cell that hangs must not hang the run.
const childTimeout = 2 * time.Minute

// child measures one cell in a new process.
func child(ctx context.Context, cell workload.Cell, short bool, seed int) (workload.Result, error) {
	var result workload.Result
	self, err := os.Executable()
	if err != nil {
		return result, fmt.Errorf("start a child process: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, childTimeout)
	defer cancel()
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(ctx, self, "-json", "-short="+strconv.FormatBool(short),
		"-cells", "^"+regexp.QuoteMeta(cell.String())+"$", "-seed", strconv.Itoa(seed))
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return result, fmt.Errorf("%v: %w\n%s", cell, err, stderr.Bytes())
	}
	if err := json.Unmarshal(stdout.Bytes(), &result); err != nil {
		return result, fmt.Errorf("%v: read what the child process printed: %w", cell, err)
	}
	return result, nil
}
