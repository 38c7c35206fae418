package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"

	"github.com/gobatcher/batcher/bench/report"
	"github.com/gobatcher/batcher/bench/subject"
	"github.com/gobatcher/batcher/bench/workload"
)

// Instructions are those of the longer of two runs less those of the shorter, which leaves out what a process does once. Both
// numbers of requests are multiples of the sizes of bursts and batches.
const (
	fewRequests  = 32_000
	manyRequests = 128_000
)

// instructions counts the instructions that a request costs the Batcher and the floor; a busy machine does not change them. It needs valgrind.
func instructions(ctx context.Context) ([]report.Goal, error) {
	var goals []report.Goal
	for _, w := range []workload.Name{workload.Do, workload.Burst} {
		floor, err := perRequest(ctx, w, subject.FloorMutex)
		if err != nil {
			return nil, err
		}
		ours, err := perRequest(ctx, w, subject.BatcherIdle)
		if err != nil {
			return nil, err
		}
		goals = append(goals, report.Instructions(w, ours, floor))
	}
	return goals, nil
}

func perRequest(ctx context.Context, w workload.Name, name string) (float64, error) {
	few, err := count(ctx, w, name, fewRequests)
	if err != nil {
		return 0, err
	}
	many, err := count(ctx, w, name, manyRequests)
	if err != nil {
		return 0, err
	}
	return float64(many-few) / (manyRequests - fewRequests), nil
}

var counted = regexp.MustCompile(`I\s+refs:\s+([\d,]+)`)

// count runs requests under valgrind. valgrind cannot bear the signals by which the runtime preempts goroutines, so these are off; one processor and no garbage
// collection make every run the same.
func count(ctx context.Context, w workload.Name, name string, requests int) (int, error) {
	progress(fmt.Sprintf("counting instructions: %s, %s, %d requests", w, name, requests))
	defer progress("")
	self, err := os.Executable()
	if err != nil {
		return 0, fmt.Errorf("count instructions: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, childTimeout)
	defer cancel()
	command := exec.CommandContext(ctx, "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
		self, "fixed", string(w), name, strconv.Itoa(requests))
	command.Env = append(os.Environ(), "GODEBUG=asyncpreemptoff=1", "GOMAXPROCS=1", "GOGC=off")
	output, err := command.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("count instructions: %w\n%s", err, output)
	}
	found := counted.FindSubmatch(output)
	if found == nil {
		return 0, fmt.Errorf("count instructions: valgrind printed none\n%s", output)
	}
	return strconv.Atoi(string(bytes.ReplaceAll(found[1], []byte(","), nil)))
}

// fixed is the verb that runs under valgrind; its arguments are a workload, a subject and a number of requests.
func fixed(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("fixed needs a workload, a subject and a number of requests, not %q", args)
	}
	requests, err := strconv.Atoi(args[2])
	if err != nil {
		return fmt.Errorf("number of requests: %w", err)
	}
	return workload.Fixed(workload.Name(args[0]), args[1], requests)
}
