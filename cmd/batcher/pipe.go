package main

import (
	"time"

	"github.com/gobatcher/batcher/cmd/batcher/internal/pipe"
	"github.com/spf13/cobra"
)

const pipeUsage = `Read one request a line from standard input, gather the lines into batches, run
the command once for each batch with the batch's lines on its standard input,
take the lines it prints as the results, in the same order, and print each
request's result, in the order of the input.

A batch starts when it holds --max-size lines or --max-weight bytes; when it
holds --min-size lines and fewer than --max-concurrent commands run; or when
--delay has passed since its first line. With neither --min-size nor --delay
one line is enough: lines wait only for a free place, and those read while the
commands run form the next batch. The end of the input starts what is left.

The command has to print exactly one line for each line it reads, and to exit
with status 0; its batch is answered when it has exited and its output is
closed. If it fails, or prints a different number of lines, only the lines of
its batch fail: each is reported on standard error with its number and the
reason, and the others go on. What the command writes to its standard error is
passed through. It runs in a process group of its own, which Ctrl-C does not
reach; when its time is over, the whole group is killed.

Lines are passed on unchanged: an empty line is a request, a carriage return
belongs to its line, and the last line needs no newline. At most --max-pending
lines are held at a time, read and not yet printed, so memory does not grow
with the input.

On the first interrupt (SIGINT, SIGTERM, SIGHUP) pipe stops reading and lets
the lines it has accepted finish, for --grace at most; the second ends it at
once. It then says on standard error which lines are left without an answer.
When the reader of its output goes away, pipe kills what runs and stops quietly.

If standard error is a terminal, pipe shows its progress there; if standard
input is one as well, only at the end.

Exit status:
  0    every line was answered, or the reader of the output went away
  1    lines failed, or reading or writing did
  2    wrong usage
  126  the command is a folder, or a file that may not be executed
  127  the command is not found
  129, 130, 143  interrupted by SIGHUP, SIGINT, SIGTERM`

const pipeExamples = `  seq 25 | batcher pipe --max-size 10 --delay 2s -- tr 0-9 a-j
  tail -f log | batcher pipe --max-size 500 --delay 1s -- ./classify
  find . -print0 | batcher pipe -0 --max-concurrent 4 --manual -- ./thumbnail`

func newPipe() *cobra.Command {
	var flags pipeFlags
	cmd := &cobra.Command{
		Use:     "pipe [flags] [--] command [argument...]",
		Short:   "Run a command once for each batch of input lines",
		Long:    pipeUsage,
		Example: pipeExamples,
		Args:    cobra.ArbitraryArgs, // flags.config asks for the command
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := flags.config(args)
			if err != nil {
				return err
			}
			ctx, cut, stop := onSignals(cmd.Context(), interruptions...)
			defer stop()
			std := pipe.Streams{In: cmd.InOrStdin(), Out: cmd.OutOrStdout(), Err: cmd.ErrOrStderr()}
			if err := pipe.Run(ctx, cut, cfg, std); err != nil {
				return failure{err}
			}
			return nil
		},
	}
	flags.register(cmd)
	return cmd
}

func (f *pipeFlags) register(cmd *cobra.Command) {
	set := cmd.Flags()
	set.SetInterspersed(false) // what follows the command's name is the command's
	set.SortFlags = false
	set.IntVar(&f.options.MaxSize, "max-size", 1000, "most `lines` in a batch; a full batch starts at once; 0: --max-pending")
	set.IntVar(&f.options.MinSize, "min-size", 0, "`lines` that are enough to start; fewer wait for --delay, or 10ms without one; 0: 1, or never enough with --delay")
	set.BoolVar(&f.options.StrictSize, "strict-size", false, "never start a batch below --min-size; lines left over at the end fail")
	set.IntVar(&f.options.MaxWeight, "max-weight", 0, "most `bytes` in a batch, without the separators; a heavier line fails; 0: no limit")
	set.DurationVar(&f.options.Delay, "delay", 0, "longest wait of a line for company, like 50ms or 2s; 0: see --min-size")
	set.BoolVar(&f.options.Manual, "manual", false, "start only full batches, and the rest at the end; excludes --delay")
	set.IntVar(&f.options.MaxConcurrent, "max-concurrent", 1, "most `commands` that run at once")
	set.IntVar(&f.options.MaxPending, "max-pending", 0, "most `lines` held, read and not yet printed; 0: four batches for each of --max-concurrent, at least 10000")
	set.BoolVar(&f.unordered, "unordered", false, "print each batch's results as it ends, not in the order of the input")
	set.BoolVarP(&f.null, "null", "0", false, "lines end in a NUL byte, in the input, in the output, and to and from the command")
	set.IntVar(&f.maxLine, "max-line", 16<<20, "longest line, in `bytes` without its separator; a longer one fails, read or printed by the command")
	set.DurationVar(&f.timeout, "timeout", 0, "longest run of one command, which is then killed; 0: no limit")
	set.DurationVar(&f.grace, "grace", 10*time.Second, "longest wait for accepted lines after an interrupt; 0: none")
	set.BoolVar(&f.noProgress, "no-progress", false, "show no progress line, even if standard error is a terminal")
}
