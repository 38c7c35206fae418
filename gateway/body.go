package gateway

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
)

// body is a request's body, read.
type body struct {
	raw  []byte // as it came
	data []byte // decompressed
	room *admission
	held int64           // the room that its bytes take
	ctx  context.Context // while they may come
}

// read reads the body of a call, within the limits of rt and while ctx lasts.
func (b *body) read(ctx context.Context, rt *route, r *http.Request) error {
	b.room, b.ctx = &rt.pending, ctx
	switch err := b.fill(r, rt.MaxBody); {
	case errors.Is(err, errCoding) && rt.through != nil:
		return ErrNotMine
	case err != nil:
		return b.unread(r, err, rt.MaxBody)
	}
	_ = r.Body.Close() // all is read; a stream of HTTP/2 frees its own buffer, of 2 KiB for 1 KB, only now
	return nil
}

// fill reads and decompresses.
func (b *body) fill(r *http.Request, most int64) (err error) {
	if b.raw, err = readAll(r.Body, r.ContentLength, most, b); err != nil {
		return err
	}
	switch coding := codingOf(r.Header); {
	case coding == "", len(b.raw) == 0: // nothing is nothing in any
		b.data = b.raw
		return nil
	case coding == "gzip":
		z, err := gzip.NewReader(bytes.NewReader(b.raw))
		if err == nil {
			b.data, err = readAll(z, -1, most, b)
		}
		return err
	default:
		return fmt.Errorf("%w: %q", errCoding, coding)
	}
}

// codingOf returns the content coding that h names: "" for none, or "gzip",
// under either of its names (RFC 9110, section 8.4.1.3), or any other.
func codingOf(h http.Header) string {
	switch coding := strings.ToLower(strings.Join(h["Content-Encoding"], ", ")); coding {
	case "identity":
		return ""
	case "x-gzip":
		return "gzip"
	default:
		return coding
	}
}

// take reserves room for n bytes more; a nil body needs none. A body for which there
// can never be room is refused for good.
func (b *body) take(n int64) error {
	if b == nil {
		return nil
	}
	if most := b.room.mostBytes; most > 0 && b.held+n > most {
		return Errorf(http.StatusRequestEntityTooLarge, "the body takes more than the %d bytes that may wait", most)
	}
	if err := b.room.enterBytes(n); err != nil {
		return err
	}
	b.held += n
	return nil
}

// give gives back all room except that for n bytes.
func (b *body) give(n int64) {
	if b.held == n { // all requests share the counter
		return
	}
	b.room.leaveBytes(b.held - n)
	b.held = n
}

var (
	errTooLong = errors.New("too long") // there is more to read than may be
	errCoding  = errors.New("a content coding that is not supported")
)

const (
	firstRead   = 512      // bytes to make room for where the length is unknown
	trustedRead = 16 << 10 // bytes to make room for on the word of a Content-Length
)

// readAll reads n bytes, or all that come if n is negative, up to a limit (zero
// and less: none), and while b may come. Memory, and room for b, are taken for
// what has come: not for what a header says will come, nor for what a few bytes may
// unpack to.
func readAll(from io.Reader, n, most int64, b *body) (data []byte, err error) {
	first, end := min(n, trustedRead), n
	switch {
	case most > 0 && n > most:
		return nil, errTooLong
	case n < 0 && most > 0 && most < math.MaxInt64:
		first, end = min(firstRead, most+1), most+1
	case n < 0:
		first, end = firstRead, math.MaxInt64
	}
	if err := b.take(first); err != nil {
		return nil, err
	}
	data = make([]byte, 0, first)
	for int64(len(data)) != n {
		if len(data) == cap(data) {
			if data, err = grown(data, end, b); err != nil {
				return nil, err
			}
		}
		k, err := from.Read(data[len(data):cap(data)])
		data = data[:len(data)+k]
		switch size := int64(len(data)); {
		case most > 0 && size > most:
			return nil, errTooLong
		case err == io.EOF && n >= 0 && size < n:
			return nil, io.ErrUnexpectedEOF
		case err == io.EOF:
			return data, nil
		case err != nil:
			return nil, err
		case b != nil && b.ctx.Err() != nil: // who sends a byte now and then would hold its place for ever
			return nil, b.ctx.Err()
		}
	}
	return data, nil
}

// grown returns data with twice its capacity, but not more than end.
func grown(data []byte, end int64, b *body) ([]byte, error) {
	more := min(int64(cap(data)), end-int64(cap(data)))
	if err := b.take(more); err != nil {
		return nil, err
	}
	return append(make([]byte, 0, int64(cap(data))+more), data...), nil
}

// unread returns the answer to a caller whose body was not read to its end.
func (b *body) unread(r *http.Request, err error, most int64) error {
	var long *http.MaxBytesError
	var own *Error
	switch {
	case errors.As(err, &own):
		return own
	case errors.Is(err, errCoding):
		return Errorf(http.StatusUnsupportedMediaType, "%v", err)
	case errors.As(err, &long):
		most = long.Limit
		fallthrough
	case errors.Is(err, errTooLong):
		return Errorf(http.StatusRequestEntityTooLarge, "the body is longer than %d bytes", most)
	case b.ctx.Err() != nil:
		return b.overdue(r)
	}
	return Errorf(http.StatusBadRequest, "the body cannot be read: %v", err)
}

// overdue returns the answer to a caller whose time was over, or who left, before all
// of the body had come. Over HTTP/1 net/http would wait for the rest before it
// answers, unless the answer is the last of its connection.
func (b *body) overdue(r *http.Request) *Error {
	e := *asError(context.Cause(b.ctx))
	if r.ProtoMajor < 2 {
		e.Header = http.Header{"Connection": {"close"}}
	}
	return &e
}

// settle lets go of the body as it came, which only what is passed through needs.
func (b *body) settle() {
	b.raw = nil
	b.give(int64(cap(b.data)))
}

// restore returns r with its body unread. It lets go of the decompressed body,
// whose room has been given back.
func (b *body) restore(r *http.Request) *http.Request {
	b.data = nil
	r.Body = io.NopCloser(bytes.NewReader(b.raw))
	return r
}
