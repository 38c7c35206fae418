package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
	"github.com/gobatcher/batcher/cmd/batcher/internal/durable"
	"github.com/spf13/cobra"
)

func newDLQ() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dlq",
		Short: "List, retry or drop requests that could not be processed",
		Long: `Requests of durable routes that could not be processed, however often they
were tried, are kept as dead letters for two weeks. Callers that were waiting
have been answered with an error; requests with "Prefer: respond-async" get
their answer when they are tried again.

The queues and routes are given as for serve: in the file, or by the same flags.
A --store must not be open in another process.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		newDLQVerb("list", "List dead letters, one a line: number, when, tries, route, why, and the request", flagsOnly, (*durable.Letters).List),
		newDLQVerb("retry {NUMBER... | all}", "Try dead letters again, as if they had just arrived", lettersNamed, (*durable.Letters).Retry),
		newDLQVerb("drop {NUMBER... | all}", "Delete dead letters", lettersNamed, (*durable.Letters).Drop))
	return cmd
}

// newDLQVerb returns a verb that applies do to the letters with these numbers, or
// to all of them if none is given.
func newDLQVerb(use, short string, args cobra.PositionalArgs, do func(*durable.Letters, []uint64) error) *cobra.Command {
	var route string
	cmd := &cobra.Command{Use: use, Short: short, Args: args}
	flags := config.NewFlags(cmd.Flags())
	cmd.Flags().StringVar(&route, "route", "", "only those of this `route`; (later) has those of respond-async")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		numbers, err := numbersOf(args)
		if err != nil {
			return err
		}
		c, err := flags.Load(os.LookupEnv)
		if err != nil {
			return failure{err}
		}
		letters, err := durable.OpenLetters(c, route, cmd.OutOrStdout())
		if err != nil {
			return failure{err}
		}
		defer letters.Close()
		if err := do(letters, numbers); err != nil {
			return failure{fmt.Errorf("dlq: %w", err)}
		}
		return nil
	}
	return cmd
}

// lettersNamed wants letters to be named.
func lettersNamed(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return errors.New("dlq: which ones? Give their numbers, as batcher dlq list shows them, or all")
	}
	return nil
}

// numbersOf parses the numbers of letters; nil stands for all of them.
func numbersOf(args []string) (numbers []uint64, err error) {
	if len(args) == 1 && args[0] == "all" {
		return nil, nil
	}
	for _, arg := range args {
		n, err := strconv.ParseUint(arg, 10, 64)
		if err != nil || n == 0 {
			return nil, fmt.Errorf("dlq: %q is neither the number of a dead letter nor all", arg)
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}
