package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/gobatcher/batcher/cmd/batcher/internal/demo"
	"github.com/spf13/cobra"
)

func newDemo() *cobra.Command {
	var cfg demo.Config
	var crash demo.Crash
	cmd := &cobra.Command{
		Use:   "demo [flags]",
		Short: "Show what the gateway gains",
		Long: `Run the same load twice, side by side: against a stub upstream, and against
another one behind the gateway. Print the results once a second, and a summary
at the end. Nothing need be installed, and without --store nothing is left
behind.

With --store, show instead that nothing is lost: submit requests that nobody
waits for, kill the gateway in the middle of them as kill -9 does, start it
again, and count what has become of each.`,
		Example: "  batcher demo\n  batcher demo --keep\n  batcher demo --store /tmp/batcher-demo",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkDemo(cfg, crash, cmd.Flags().Changed); err != nil {
				return err
			}
			ctx, _, stop := onSignals(cmd.Context(), interruptions...)
			defer stop()
			if crash.Store != "" {
				return runCrash(ctx, crash, cfg, cmd.OutOrStdout())
			}
			cfg.Out, cfg.Tick = cmd.OutOrStdout(), time.Second
			if err := demo.Run(ctx, cfg); err != nil {
				return failure{fmt.Errorf("demo: %w", err)}
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&cfg.Seconds, "seconds", 10, "how long the load lasts")
	flags.IntVar(&cfg.Callers, "callers", 128, "callers on each side, with one request at a time")
	flags.DurationVar(&cfg.Cost.Call, "call", 5*time.Millisecond, "what a call of the upstream costs")
	flags.DurationVar(&cfg.Cost.Item, "item", 100*time.Microsecond, "what each item in it costs on top")
	flags.IntVar(&cfg.MaxItems, "max-items", 64, "most items in a batch")
	flags.StringVar(&cfg.Listen, "listen", "127.0.0.1:0", "`address` of the gateway; port 0 is any free port")
	flags.StringVar(&crash.Store, "store", "", "show that nothing is lost: `folder` in which the gateway keeps requests")
	flags.IntVar(&crash.Requests, "requests", 2000, "with --store: how many requests")
	flags.BoolVar(&cfg.Keep, "keep", false, "keep the gateway running after the load, until Ctrl-C")
	return cmd
}

// runCrash shows that nothing is lost.
func runCrash(ctx context.Context, crash demo.Crash, cfg demo.Config, out io.Writer) error {
	var err error
	if crash.Program, err = os.Executable(); err != nil {
		return failure{err}
	}
	crash.Callers, crash.Cost, crash.Out = cfg.Callers, cfg.Cost, out
	if err := crash.Run(ctx); err != nil {
		return failure{fmt.Errorf("demo: %w", err)}
	}
	return nil
}

// What a demo on one machine can do: a caller has a connection, and a request that is
// to be found again takes memory.
const (
	mostSeconds  = 86_400
	mostCallers  = 10_000
	mostRequests = 1_000_000
)

// checkDemo finds what is wrong with the flags, and names them.
func checkDemo(cfg demo.Config, crash demo.Crash, given func(flag string) bool) error {
	var faults []error
	fault := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf("demo: "+format, args...))
		}
	}
	within := func(name string, n, least, most int) {
		fault(n < least || n > most, "--%s is %d, must be %d to %d", name, n, least, most)
	}
	for _, name := range []string{"seconds", "max-items", "listen", "keep"} {
		fault(crash.Store != "" && given(name), "--%s is not for --store", name)
	}
	fault(crash.Store == "" && given("requests"), "--requests is for --store alone")
	within("seconds", cfg.Seconds, 1, mostSeconds)
	within("callers", cfg.Callers, 1, mostCallers)
	within("max-items", cfg.MaxItems, 1, mostCallers) // a caller has one item at a time
	within("requests", crash.Requests, 2, mostRequests)
	fault(cfg.Cost.Call < 0 || cfg.Cost.Item < 0, "--call and --item must not be negative")
	return errors.Join(faults...)
}
