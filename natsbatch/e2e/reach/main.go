// Command reach measures what natsbatch reaches, beside what the same server
// gives without it, in one run of about two minutes, and prints it as a table
// with the goals. Rates are of this machine; ratios of two of them tell more.
//
//	go run ./reach [-pending 1000000]
//
// Server, front ends and workers are in one process, as package embed has
// them, except where a process's own use of the machine is measured.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/load"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/proc"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/server"
)

func main() {
	proc.Main(map[string]proc.Role{
		server.Role:       server.Run,
		load.WorkerRole:   load.RunWorker,
		load.FrontEndRole: load.RunFrontEnd,
	})
	pending := flag.Int("pending", 1_000_000, "requests in the test of pending ones")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *pending); err != nil {
		fmt.Fprintln(os.Stderr, "reach:", err)
		os.Exit(1)
	}
}

// run measures and prints.
func run(ctx context.Context, pending int) error {
	dir, err := os.MkdirTemp("", "reach")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	began := time.Now()
	m := measurement{ctx: ctx, dir: dir, pending: pending}
	for _, step := range []func() error{m.disk, m.closedLoops, m.openLoops, m.lone, m.idle, m.manyPending} {
		if err := step(); err != nil {
			return err
		}
	}
	m.table.print(os.Stdout)
	fmt.Printf("\n%s\nmeasured in %.0f s\n", machine(), time.Since(began).Seconds())
	return nil
}

// measurement is what was measured so far.
type measurement struct {
	ctx     context.Context
	dir     string
	pending int
	table   table
}
