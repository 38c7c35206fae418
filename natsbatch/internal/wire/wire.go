// Package wire is what front ends and workers send each other: envelopes of
// requests one way, reports of outcomes the other way. docs/natsbatch-wire.md
// describes the bytes.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Version is the first byte of every message.
const Version = 1

// Errors of Decode.
var (
	// ErrVersion: the message is of a version that this program does not know.
	ErrVersion = errors.New("natsbatch: message of another version")
	// ErrMalformed: the bytes are not a message.
	ErrMalformed = errors.New("natsbatch: malformed message")
)

// Kind says where the outcomes of an envelope's requests go.
type Kind uint8

const (
	// KindDo goes to the front end, which has a caller waiting; nothing is kept.
	KindDo Kind = iota
	// KindSubmit is stored under the front end, envelope and index.
	KindSubmit
	// KindKey is stored under the request's own id.
	KindKey

	kinds
)

// reader takes a message apart. After a fault it returns zeroes and remembers it.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrMalformed, what)
	}
	r.rest = nil
}

func (r *reader) version() {
	switch v := r.byte(); {
	case r.err == nil && v != Version:
		r.err = fmt.Errorf("%w: %d, this program knows %d", ErrVersion, v, Version)
		r.rest = nil
	}
}

func (r *reader) byte() byte {
	if len(r.rest) == 0 {
		r.fail("it ends too early")
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.fail("not a number")
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) int() int64 {
	v, n := binary.Varint(r.rest)
	if n <= 0 {
		r.fail("not a number")
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// bytes returns a part of the message, not a copy.
func (r *reader) bytes() []byte {
	n := r.uint()
	if n > uint64(len(r.rest)) {
		r.fail("a length exceeds the message")
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) string() string { return string(r.bytes()) }

// count reads the number of things that take at least size bytes each, so
// that a lie cannot make the reader allocate more than the message warrants.
func (r *reader) count(size int) int {
	n := r.uint()
	if n > uint64(len(r.rest)/size) {
		r.fail("a count exceeds the message")
		return 0
	}
	return int(n)
}

func (r *reader) end() error {
	if r.err == nil && len(r.rest) > 0 {
		r.fail("bytes are left over")
	}
	return r.err
}

func appendBytes[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
