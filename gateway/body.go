package gateway

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
)

// body is a request's body, read.
type body struct {
	raw  []byte // as it came
	data []byte // decompressed
	held int64  // bytes of room that it takes
}

// read reads the body of a call, within the route's limits.
func (rt *route) read(r *http.Request) (*body, error) {
	b := &body{held: r.ContentLength}
	if b.held < 0 {
		b.held = max(0, rt.MaxBody) // until it is known
	}
	if rt.MaxBody > 0 && b.held > rt.MaxBody {
		return nil, unread(errTooLong, rt.MaxBody)
	}
	if err := rt.pending.enterBytes(b.held); err != nil {
		return nil, err
	}
	if err := b.fill(r, rt.MaxBody); err != nil {
		rt.pending.leaveBytes(b.held)
		return nil, unread(err, rt.MaxBody)
	}
	size := int64(len(b.data))
	rt.pending.leaveBytes(b.held - size)
	b.held = size
	return b, nil
}

// fill reads and decompresses.
func (b *body) fill(r *http.Request, most int64) (err error) {
	if b.raw, err = readAll(r.Body, r.ContentLength, most); err != nil {
		return err
	}
	switch coding := strings.ToLower(r.Header.Get("Content-Encoding")); coding {
	case "", "identity":
		b.data = b.raw
		return nil
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(bytes.NewReader(b.raw))
		if err == nil {
			b.data, err = readAll(z, -1, most)
		}
		return err
	default:
		return Errorf(http.StatusUnsupportedMediaType, "content coding %q is not supported", coding)
	}
}

// errTooLong says that there is more to read than may be.
var errTooLong = errors.New("too long")

// readAll reads n bytes, or if n is negative all that come, up to a limit
// (zero and less: none).
func readAll(from io.Reader, n, most int64) ([]byte, error) {
	if most > 0 && n > most {
		return nil, errTooLong
	}
	if n >= 0 {
		data := make([]byte, n)
		_, err := io.ReadFull(from, data)
		return data, err
	}
	if most > 0 {
		from = io.LimitReader(from, most+1)
	}
	data, err := io.ReadAll(from)
	if err == nil && most > 0 && int64(len(data)) > most {
		err = errTooLong
	}
	return data, err
}

// unread is the answer to a caller whose body was not read to its end.
func unread(err error, most int64) error {
	var long *http.MaxBytesError
	var own *Error
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &long):
		most = long.Limit
		fallthrough
	case errors.Is(err, errTooLong):
		return Errorf(http.StatusRequestEntityTooLarge, "the body is longer than %d bytes", most)
	}
	return Errorf(http.StatusBadRequest, "the body cannot be read: %v", err)
}

// restore gives r with its body unread.
func (b *body) restore(r *http.Request) *http.Request {
	r.Body = io.NopCloser(bytes.NewReader(b.raw))
	return r
}
