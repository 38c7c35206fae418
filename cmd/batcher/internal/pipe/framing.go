package pipe

import (
	"bytes"
	"fmt"
)

// The blocks that records are cut from grow from the first size to the second: so a
// batch of one short line costs little, and a long input few reads.
const (
	firstBlock = 4 << 10
	fullBlock  = 64 << 10
	leastRoom  = 512 // a read into less is not worth its system call
)

// framing cuts a stream into records that end in a separator. Bytes are put
// in, in pieces of any size, and records taken out.
//
// A record is a part of the block that it was read into, and is never written
// again, so it may be kept. Cutting costs no copy and no allocation for each
// record, but a record that is kept keeps its block. Records that are kept in order
// and for about the same time, as a pipe does, keep little more than themselves.
type framing struct {
	separator byte
	limit     int // longest record, without its separator

	block   []byte
	start   int  // where the next record begins
	scanned int  // no separator from start up to here
	end     int  // how far the block is filled
	cutting bool // the next record is over the limit already; its bytes are dropped
}

// tooLong is the error for a record over the limit.
type tooLong struct{ limit int }

func (t tooLong) Error() string {
	return fmt.Sprintf("longer than --max-line, which is %d bytes", t.limit)
}

// room returns the space for the next bytes; put says how many were read into it.
func (f *framing) room() []byte {
	if len(f.block)-f.end < leastRoom {
		f.renew()
	}
	return f.block[f.end:]
}

func (f *framing) put(n int) { f.end += n }

// renew begins a new block with what the old one holds of the next record. A
// record that outgrows its block doubles it, so that it is copied only twice.
func (f *framing) renew() {
	rest := f.block[f.start:f.end]
	size := max(firstBlock, min(2*len(f.block), fullBlock), 2*len(rest))
	f.block = make([]byte, size)
	f.end = copy(f.block, rest)
	f.scanned -= f.start
	f.start = 0
}

// next takes out the next whole record, if there is one. A record over the
// limit is taken out as nil and a tooLong error.
func (f *framing) next() (record []byte, found bool, err error) {
	i := bytes.IndexByte(f.block[f.scanned:f.end], f.separator)
	if i < 0 {
		f.scanned = f.end
		f.dropIfTooLong()
		return nil, false, nil
	}
	return f.cut(f.scanned+i, f.scanned+i+1)
}

// last takes out what is left at the end of the stream: a record without a
// separator, if anything.
func (f *framing) last() (record []byte, found bool, err error) {
	if !f.partial() {
		return nil, false, nil
	}
	return f.cut(f.end, f.end)
}

// partial reports whether a record has begun that has not ended.
func (f *framing) partial() bool { return f.cutting || f.start < f.end }

func (f *framing) cut(end, next int) ([]byte, bool, error) {
	record := f.block[f.start:end:end]
	over := f.cutting || len(record) > f.limit
	f.start, f.scanned, f.cutting = next, next, false
	if over {
		return nil, true, tooLong{f.limit}
	}
	return record, true, nil
}

// dropIfTooLong keeps memory bounded while a record over the limit is read.
func (f *framing) dropIfTooLong() {
	if f.cutting || f.end-f.start > f.limit {
		f.cutting = true
		f.start = f.end
	}
}
