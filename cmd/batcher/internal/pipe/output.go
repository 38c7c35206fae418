package pipe

import (
	"bufio"
	"fmt"
	"io"
	"sync"
)

// A flush is due when this many bytes or lines wait for it, so that room in the
// window is given back before it runs out.
const (
	flushBytes = 64 << 10
	flushLines = 1024
)

// output prints results and reports failures. Both wait in buffers until
// flush, which then settles the lines: a line counts as printed once it is written.
// Callers lock the output around whatever they do with it.
type output struct {
	sync.Mutex
	results   *bufio.Writer
	reports   *bufio.Writer
	separator byte
	settle    func(lines spans, failed int64) // called by flush
	broken    func(error)                     // called at the first failed write of results

	lines  spans // since the last flush
	count  int   // how many those are
	failed int64 // of them
	err    error // of the first failed write; then results are dropped
}

func newOutput(results, reports io.Writer, separator byte) *output {
	return &output{
		results:   bufio.NewWriterSize(results, flushBytes),
		reports:   bufio.NewWriterSize(reports, flushBytes),
		separator: separator,
	}
}

// print prints the result of a line. The output is locked.
func (o *output) print(number int64, result []byte) {
	_, _ = o.results.Write(result) // an error stays, and flush finds it
	_ = o.results.WriteByte(o.separator)
	o.note(number)
}

// fail reports a line as failed. The output is locked.
func (o *output) fail(number int64, err error) {
	fmt.Fprintf(o.reports, "batcher: line %d: %v\n", number, err)
	o.failed++
	o.note(number)
}

func (o *output) note(number int64) {
	if last := len(o.lines) - 1; last >= 0 && o.lines[last].last+1 == number {
		o.lines[last].last = number
	} else {
		o.lines = append(o.lines, span{number, number})
	}
	if o.count++; o.count >= flushLines {
		o.flush()
	}
}

// flush writes what waits and settles it. The output is locked.
func (o *output) flush() {
	_ = o.reports.Flush() // where would an error be reported?
	if err := o.results.Flush(); err != nil {
		if o.err == nil {
			o.err = err
			o.broken(err)
		}
		return
	}
	if o.count > 0 {
		o.settle(o.lines, o.failed)
	}
	o.lines, o.count, o.failed = o.lines[:0], 0, 0
}
