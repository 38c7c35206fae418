package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
	"github.com/gobatcher/batcher/cmd/batcher/internal/serve"
	"github.com/spf13/cobra"
)

func newServe() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve [flags]",
		Short: "Batch HTTP requests in front of an upstream that takes many at once",
		Long: `Take single HTTP requests, ask the upstream once for many of them, and give
each caller its own answer. What is batched, and how, is said in a file
(--config) or, for a single route, in flags (--upstream and --protocol). Flags
override environment variables, which override the file.

SIGHUP, or a change to a file, makes serve read its configuration again; no
request is lost. SIGTERM and SIGINT let accepted requests finish within the
grace period; a second signal ends it at once.`,
		Example: `  batcher serve --upstream http://127.0.0.1:8501 --protocol kserve-v1
  batcher serve --config batcher.yaml`,
		Args: flagsOnly,
	}
	flags := config.NewFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return runServe(cmd, flags, false)
	}
	return cmd
}

// runServe runs serve, or worker.
func runServe(cmd *cobra.Command, flags *config.Flags, worker bool) error {
	ctx, kill, stop := onSignals(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	reload := make(chan os.Signal, 1)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(reload, syscall.SIGHUP)
		defer signal.Stop(reload)
	}
	err := serve.Run(ctx, kill, serve.Options{
		Load:    func() (*config.Config, error) { return flags.Load(os.LookupEnv) },
		Path:    flags.Path,
		Stderr:  cmd.ErrOrStderr(),
		Version: version(),
		Unread:  config.Unread(os.Environ()),
		Reload:  reload,
		Worker:  worker,
	})
	if err != nil {
		return failure{err}
	}
	return nil
}
