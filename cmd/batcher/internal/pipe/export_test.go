package pipe

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"
)

// What the tests look at inside.

type (
	Span  = span
	Spans = spans
)

func NewSpan(first, last int64) span           { return span{first, last} }
func (s span) First() int64                    { return s.first }
func (s span) Last() int64                     { return s.last }
func (ss *spans) Add(s span)                   { ss.add(s) }
func (ss spans) Missing(last int64) spans      { return ss.missing(last) }
func (ss spans) Count() int64                  { return ss.count() }
func IsTooLong(err error) bool                 { return errors.As(err, new(tooLong)) }
func (c *console) Show(text string)            { c.show(text) }
func (c *console) Leave()                      { c.leave() }
func (c *console) Above(w io.Writer) io.Writer { return above{c, w} }

var (
	OwnGroup  = ownGroup
	KillGroup = killGroup
)

// NewTerminal is a console on a terminal so many columns wide.
func NewTerminal(w io.Writer, width int) *console {
	return &console{w: w, width: func() int { return width }}
}

// Records reads all records of r. One over the limit comes as nil.
func Records(r io.Reader, separator byte, limit int) (records [][]byte, err error) {
	from := detach(r)
	defer from.close()
	in := &input{framing: framing{separator: separator, limit: limit}, from: from}
	for {
		record, err := in.next(context.Background())
		switch {
		case IsTooLong(err), err == nil:
			records = append(records, record)
		case errors.Is(err, io.EOF):
			return records, nil
		default:
			return records, err
		}
	}
}

// Feed gives what a command reads for the records.
func Feed(records [][]byte, separator byte) io.Reader {
	return &feed{lines: records, separator: separator}
}

// Collect gives what is made of a command's output, written in these pieces,
// for so many requests.
func Collect(pieces [][]byte, separator byte, limit, want int) ([][]byte, error) {
	c := newCollector(separator, limit, want, func(error) {})
	for _, piece := range pieces {
		if _, err := c.Write(bytes.Clone(piece)); err != nil {
			break
		}
	}
	return c.all()
}

// RunCommand runs a command once for lines, with another linger.
func RunCommand(ctx context.Context, stderr io.Writer, linger time.Duration, argv []string, lines ...string) error {
	c, err := newCommand(Config{Command: argv, Separator: '\n', MaxLine: 1 << 10}, stderr)
	if err != nil {
		return err
	}
	c.linger = linger
	var given [][]byte
	for _, line := range lines {
		given = append(given, []byte(line))
	}
	_, err = c.run(ctx, given)
	return err
}
