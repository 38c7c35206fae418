package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/gobatcher/batcher/cmd/batcher/internal/demo"
	"github.com/spf13/cobra"
)

func newDemo() *cobra.Command {
	var cfg demo.Config
	cmd := &cobra.Command{
		Use:   "demo [flags]",
		Short: "Show what the gateway gains",
		Long: `Run the same load twice, beside each other: on a stub upstream as it is, and on another one behind the gateway.
Print once a second what comes of it, and a summary in the end. Nothing need be installed, and nothing is left behind.`,
		Example: "  batcher demo\n  batcher demo --keep",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkDemo(cfg); err != nil {
				return err
			}
			ctx, _, stop := onSignals(cmd.Context(), interruptions...)
			defer stop()
			cfg.Out, cfg.Tick = cmd.OutOrStdout(), time.Second
			if err := demo.Run(ctx, cfg); err != nil {
				return failure{fmt.Errorf("demo: %w", err)}
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&cfg.Seconds, "seconds", 10, "how long the load lasts")
	flags.IntVar(&cfg.Callers, "callers", 64, "callers on each side, with one request at a time")
	flags.DurationVar(&cfg.Cost.Call, "call", 5*time.Millisecond, "what a call of the upstream costs")
	flags.DurationVar(&cfg.Cost.Item, "item", 100*time.Microsecond, "what each item in it costs beside")
	flags.IntVar(&cfg.MaxItems, "max-items", 64, "most items in a batch")
	flags.StringVar(&cfg.Listen, "listen", "127.0.0.1:0", "`address` of the gateway; port 0 is any free port")
	flags.BoolVar(&cfg.Keep, "keep", false, "leave the gateway up after the load, until Ctrl-C")
	return cmd
}

// checkDemo finds what is wrong with the flags, and names them.
func checkDemo(cfg demo.Config) error {
	var faults []error
	atLeast := func(name string, n, least int) {
		if n < least {
			faults = append(faults, fmt.Errorf("demo: --%s is %d, must be at least %d", name, n, least))
		}
	}
	atLeast("seconds", cfg.Seconds, 1)
	atLeast("callers", cfg.Callers, 1)
	atLeast("max-items", cfg.MaxItems, 1)
	if cfg.Cost.Call < 0 || cfg.Cost.Item < 0 {
		faults = append(faults, errors.New("demo: --call and --item must not be negative"))
	}
	return errors.Join(faults...)
}
