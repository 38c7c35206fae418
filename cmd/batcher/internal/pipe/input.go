package pipe

import (
	"context"
	"errors"
	"io"
)

// input reads records from a stream until a context ends, even if a read never
// returns, as on a terminal where nobody types.
type input struct {
	framing
	from *detachedReader
	err  error // what ended the stream
}

// next waits for the next record. The error is io.EOF after the last one, a
// tooLong for a record that was skipped, the cause of ctx, or what ended the
// stream: then a record that is not whole is dropped.
func (in *input) next(ctx context.Context) ([]byte, error) {
	for {
		record, found, err := in.framing.next()
		if found {
			return record, err
		}
		if errors.Is(in.err, io.EOF) {
			if record, found, err := in.last(); found {
				return record, err
			}
		}
		if in.err != nil {
			return nil, in.err
		}
		n, err := in.from.read(ctx, in.room())
		in.put(n)
		in.err = err
	}
}

// detachedReader reads in a goroutine of its own, since a read from a file that is
// not a network connection cannot be interrupted. The goroutine ends at close or,
// if it is stuck in a read then, when that read returns.
type detachedReader struct {
	ask    chan []byte
	answer chan readAnswer
}

type readAnswer struct {
	n   int
	err error
}

func detach(r io.Reader) *detachedReader {
	d := &detachedReader{ask: make(chan []byte), answer: make(chan readAnswer, 1)}
	go func() {
		for p := range d.ask {
			n, err := r.Read(p)
			d.answer <- readAnswer{n, err}
		}
	}()
	return d
}

// read is like Read, but gives up with ctx's cause when ctx ends. After that p must
// not be used any more, and read must not be called again.
func (d *detachedReader) read(ctx context.Context, p []byte) (int, error) {
	select {
	case d.ask <- p:
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	select {
	case a := <-d.answer:
		return a.n, a.err
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

func (d *detachedReader) close() { close(d.ask) }
