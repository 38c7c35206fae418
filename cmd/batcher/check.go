package main

import (
	"io"
	"os"
	"strings"

	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
	"github.com/gobatcher/batcher/cmd/batcher/internal/serve"
	"github.com/spf13/cobra"
)

func newCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check [flags]",
		Short: "Say what is wrong with a configuration of serve, and what it does",
		Long: `Read a configuration as serve does, and the files it names, and say what is
wrong with it, with line and column. If nothing is wrong, say in words what each
route will do. No port is opened, and no upstream is asked. The exit status is 1
if something is wrong.`,
		Example: "  batcher check --config batcher.yaml",
		Args:    flagsOnly,
	}
	flags := config.NewFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := flags.Load(os.LookupEnv)
		if err != nil {
			return failure{err}
		}
		doubts, err := serve.Check(c)
		if err != nil {
			return failure{err}
		}
		said := []string{c.Describe()}
		for _, doubt := range doubts {
			said = append(said, "Warning: "+doubt+".\n")
		}
		for _, name := range config.Unread(os.Environ()) {
			said = append(said, "The environment variable "+name+" sets nothing: no key outside of routes has it.\n")
		}
		if _, err = io.WriteString(cmd.OutOrStdout(), strings.Join(said, "")); err != nil {
			return failure{err}
		}
		return nil
	}
	return cmd
}
