package main

import (
	"fmt"
	"io"
	"runtime"
	"text/tabwriter"
)

// table is what is printed.
type table struct{ rows []row }

type row struct{ what, goal, measured, met string }

// add adds a figure and whether it reaches its goal.
func (t *table) add(met bool, what, goal, measured string, args ...any) {
	answer := "no"
	if met {
		answer = "yes"
	}
	t.rows = append(t.rows, row{what, goal, fmt.Sprintf(measured, args...), answer})
}

// tell adds a figure without a goal.
func (t *table) tell(what, measured string, args ...any) {
	t.rows = append(t.rows, row{what, "", fmt.Sprintf(measured, args...), ""})
}

func (t *table) print(w io.Writer) {
	out := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprintln(out, "| what\t| goal\t| measured\t| met\t|")
	fmt.Fprintln(out, "|---\t|---\t|---\t|---\t|")
	for _, r := range t.rows {
		fmt.Fprintf(out, "| %s\t| %s\t| %s\t| %s\t|\n", r.what, r.goal, r.measured, r.met)
	}
	_ = out.Flush() // to a terminal or a file: nobody could be told
}

func machine() string {
	return fmt.Sprintf("%s, %s/%s, %d processors", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0))
}
