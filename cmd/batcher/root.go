package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// Run runs the program with args, which do not name the program itself, and
// returns its exit status. The end of ctx has the effect of SIGINT. Run keeps no
// state of its own, so it may be called several times, even concurrently; but of serve
// and worker one must end before another begins, since what packages write to the
// process's standard logger, or complain of to OpenTelemetry, goes to the log of one.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	if group, err := unknownVerb(root, args); err != nil {
		return report(stderr, group, err)
	}
	verb, err := root.ExecuteContextC(ctx)
	return report(stderr, verb, err)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "batcher",
		Short:         "Group single requests into batches",
		Long:          "batcher groups single requests into batches and gives each its own result.",
		Version:       version(),
		SilenceErrors: true, // report writes them, once and with the right status
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := cobra.NoArgs(cmd, args); err != nil { // Args would leave --help to it, whatever the verb
				return err
			}
			return cmd.Help()
		},
		DisableSuggestions: true, // they take several lines
	}
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages", ".FlagUsagesWrapped 80"))
	root.AddCommand(newPipe(), newServe(), newCheck(), newWorker(), newDLQ(), newDemo())
	refuseUnknownTopics(root)
	return root
}

// refuseUnknownTopics makes help of a verb that does not exist a usage error.
// Cobra prints the help of root then, as if nothing were wrong.
func refuseUnknownTopics(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	for _, verb := range root.Commands() {
		if verb.Name() != "help" {
			continue
		}
		verb.Args = func(_ *cobra.Command, args []string) error {
			_, _, err := root.Find(args)
			if err == nil {
				_, err = unknownVerb(root, args)
			}
			if err != nil {
				return fmt.Errorf("help: %w", err)
			}
			return nil
		}
	}
}

// unknownVerb returns an error for a verb that a verb with verbs of its own does not
// have, and that verb. Cobra prints its help if --help follows, as if nothing were wrong.
func unknownVerb(root *cobra.Command, args []string) (*cobra.Command, error) {
	group, rest, err := root.Find(args)
	if err != nil || !group.HasSubCommands() || len(rest) == 0 || strings.HasPrefix(rest[0], "-") {
		return nil, nil // which root itself finds
	}
	return group, cobra.NoArgs(group, rest)
}

// flagsOnly is the Args of a verb that takes a configuration and nothing else. An
// argument is most likely meant to be the name of the file.
func flagsOnly(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s: unexpected %q; the file with the configuration is named by --config", cmd.Name(), args[0])
	}
	return nil
}
