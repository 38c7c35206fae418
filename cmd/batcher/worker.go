package main

import (
	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
	"github.com/spf13/cobra"
)

func newWorker() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "worker [flags]",
		Short: "Ask the upstreams for what batcher serve --nats has taken on elsewhere",
		Long: `Run the upstream side of the gateway: take requests from the queues of the
routes, ask the upstreams in batches, and send the answers back. It is
configured, reloaded and ended like serve, with the same file; it has an admin
port and no service port.

SIGTERM and SIGINT let running upstream calls finish within the grace period;
what is not running yet goes to other workers at once.`,
		Example: `  batcher worker --nats nats://127.0.0.1:4222 --config batcher.yaml`,
		Args:    flagsOnly,
	}
	flags := config.NewFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return runServe(cmd, flags, true) }
	return cmd
}
