package natsbatch

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Handle is a claim on the result of a request that Submit accepted. It is a
// small value, comparable, and good in any process: hand its text on and use
// it there. The zero Handle is of no request.
type Handle struct {
	frontEnd string
	envelope uint64
	index    uint64
	id       string // of a request with a Key; then the rest is empty
}

// KeyHandle returns the Handle of the request that was, or will be, submitted
// with Key(id). For an id that Key cannot have, Wait and Get return an error.
func KeyHandle(id string) Handle { return Handle{id: id} }

// String returns the handle's text: letters, digits, "-", "_" and "."; "" for the
// zero Handle.
func (h Handle) String() string {
	switch {
	case h.IsZero():
		return ""
	case h.id != "":
		return "k." + encodeID(h.id)
	}
	return h.frontEnd + "." + strconv.FormatUint(h.envelope, 10) + "." + strconv.FormatUint(h.index, 10)
}

// Key returns the id with which the request was submitted, or "" if there was none.
func (h Handle) Key() string { return h.id }

// IsZero reports whether h is the zero Handle.
func (h Handle) IsZero() bool { return h == Handle{} }

var errHandle = errors.New("natsbatch: not a handle")

// check says why no request can have h, or returns nil. An id that is too
// long for a subject would cost the connection.
func (h Handle) check() error {
	switch {
	case h.IsZero():
		return fmt.Errorf("%w: the zero Handle", errHandle)
	case h.id != "":
		return checkKey(h.id)
	}
	return nil
}

// ParseHandle reads the text of a Handle other than the zero Handle.
func ParseHandle(text string) (Handle, error) {
	parts := strings.Split(text, ".")
	switch {
	case len(parts) == 2 && parts[0] == "k":
		id, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil || checkKey(string(id)) != nil {
			break
		}
		return Handle{id: string(id)}, nil
	case len(parts) == 3 && token.MatchString(parts[0]):
		envelope, err := strconv.ParseUint(parts[1], 10, 64)
		index, err2 := strconv.ParseUint(parts[2], 10, 64)
		if h := (Handle{frontEnd: parts[0], envelope: envelope, index: index}); err == nil && err2 == nil && h.String() == text {
			return h, nil
		}
	}
	return Handle{}, fmt.Errorf("%w: %q", errHandle, text)
}

// MarshalText returns the handle's text, for JSON and the like; "" for the zero
// Handle.
func (h Handle) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what MarshalText returns.
func (h *Handle) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*h = Handle{}
		return nil
	}
	*h, err = ParseHandle(string(text))
	return err
}

// maxKey is the longest id, in bytes: it must fit into a subject.
const maxKey = 128

func checkKey(id string) error {
	if id == "" || len(id) > maxKey {
		return fmt.Errorf("natsbatch: the key has %d bytes, must have 1 to %d", len(id), maxKey)
	}
	return nil
}
