package serve

import (
	"fmt"
	"io"
)

// NewLines gives two writers to the same log: one whose lines go out at once,
// and one whose lines are gathered.
func NewLines(out io.Writer) (atOnce, later io.Writer) {
	l := &lines{out: out}
	l.lost = func(n int) { fmt.Fprint(l, n, " lost") }
	return l, gathered{l}
}

const (
	GatherTime = gatherTime
	GatherSize = gatherSize
	MostHeld   = mostHeld

	WritePatience = writePatience
)
