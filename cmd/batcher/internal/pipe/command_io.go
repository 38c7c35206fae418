package pipe

import (
	"context"
	"fmt"
	"io"
)

// feed is the standard input of a command: the lines of a batch, each with a
// separator at its end.
type feed struct {
	lines     [][]byte
	separator byte
	done      int // bytes of lines[0] that have been read
}

func (f *feed) Read(p []byte) (n int, err error) {
	for n < len(p) && len(f.lines) > 0 {
		copied := copy(p[n:], f.lines[0][f.done:])
		n += copied
		f.done += copied
		if n < len(p) { // so all of the line was copied
			p[n] = f.separator
			n++
			f.lines, f.done = f.lines[1:], 0
		}
	}
	if n == 0 && len(f.lines) == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// collector is the standard output of a command. It takes no more records than it
// wants: when more come, it refuses them and gives the command up, so an endless
// output is not collected.
type collector struct {
	framing
	want    int
	results [][]byte
	err     error
	giveUp  context.CancelCauseFunc
}

func newCollector(separator byte, limit, want int, giveUp context.CancelCauseFunc) *collector {
	return &collector{
		framing: framing{separator: separator, limit: limit},
		want:    want,
		results: make([][]byte, 0, want),
		giveUp:  giveUp,
	}
}

func (c *collector) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0 && c.err == nil; {
		n := copy(c.room(), rest)
		c.put(n)
		rest = rest[n:]
		c.collect()
	}
	if c.err != nil {
		c.giveUp(c.err)
		return 0, c.err
	}
	return len(p), nil
}

// collect takes the records that are complete.
func (c *collector) collect() {
	for c.err == nil {
		record, found, err := c.next()
		if !found {
			break
		}
		c.add(record, err)
	}
	switch { // do not wait for the end of a record that is refused anyway
	case c.err != nil:
	case c.cutting:
		c.add(nil, tooLong{c.limit})
	case c.partial() && len(c.results) == c.want:
		c.add(nil, nil)
	}
}

func (c *collector) add(record []byte, err error) {
	switch {
	case err != nil:
		c.err = fmt.Errorf("printed a line %w", err)
	case len(c.results) == c.want:
		c.err = fmt.Errorf("lines printed: over %d, expected: %d", c.want, c.want)
	default:
		c.results = append(c.results, record)
	}
}

// all returns what was collected. The command must have ended.
func (c *collector) all() ([][]byte, error) {
	if record, found, err := c.last(); found && c.err == nil {
		c.add(record, err)
	}
	return c.results, c.err
}
