package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"strconv"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/middleware"
)

// Error is an answer that says what is wrong: the upstream's own, or the
// gateway's in its place. It holds nothing but data, and encoding/json can
// write and read it.
type Error struct {
	Status int
	Header http.Header // the part of the upstream's header that concerns callers; may be nil
	Body   []byte      // as the upstream wrote it; nil: made of Text
	Text   string      // for people, and for logs

	// Repeat says that the batch may have failed because of one item, and can
	// be sent again in parts: see Route.Isolate.
	Repeat bool

	// Undone says more: the upstream has done nothing of the batch, which is
	// therefore sent again in parts whatever Route.Isolate is. That is so for
	// every batch that the upstream found too large (status 413).
	Undone bool

	Batch *Batch // that failed; nil if none was sent
}

// Error returns Text, and the status.
func (e *Error) Error() string { return fmt.Sprintf("gateway: status %d: %s", e.Status, e.Text) }

// Unwrap returns a [middleware.TooLarge] for a batch that the upstream found
// too large.
func (e *Error) Unwrap() error {
	if e.Undone && e.Status == http.StatusRequestEntityTooLarge {
		return middleware.TooLarge{}
	}
	return nil
}

// Errorf makes an Error of a status and a text for people.
func Errorf(status int, format string, args ...any) *Error {
	return &Error{Status: status, Text: fmt.Sprintf(format, args...)}
}

// statusClientGone is the status in logs and metrics of a call whose caller hung
// up: no answer reaches it.
const statusClientGone = 499

// retryAfter is how long callers that find no room are told to wait.
const retryAfter = 1 // seconds

// errTimeout is the cause with which a call's context ends at the route's timeout.
var errTimeout = errors.New("gateway: the route's timeout has passed")

// asError returns the answer to a call that failed with err.
func asError(err error) *Error {
	var own *Error
	var timeout net.Error
	switch {
	case errors.As(err, &own):
		return own
	case errors.Is(err, errTimeout), errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return Errorf(http.StatusGatewayTimeout, "no answer in time")
	case errors.Is(err, batcher.ErrClosed):
		return draining()
	case errors.Is(err, context.Canceled), errors.Is(err, batcher.ErrCanceled):
		return Errorf(statusClientGone, "the caller has left")
	case errors.Is(err, batcher.ErrFull):
		return full("too many requests are waiting")
	case errors.Is(err, batcher.ErrTooHeavy):
		return Errorf(http.StatusRequestEntityTooLarge, "an item alone is over the limits of a batch")
	}
	return failed(err)
}

// failed tells the gateway's own failures from the upstream's.
func failed(err error) *Error {
	var panicked *batcher.PanicError
	if errors.As(err, &panicked) {
		return Errorf(http.StatusInternalServerError, "the batch panicked")
	}
	return Errorf(http.StatusBadGateway, "%v", err)
}

func full(text string) *Error {
	e := Errorf(http.StatusTooManyRequests, "%s", text)
	e.Header = http.Header{"Retry-After": {strconv.Itoa(retryAfter)}}
	return e
}

func draining() *Error {
	e := Errorf(http.StatusServiceUnavailable, "the gateway is shutting down")
	e.Header = http.Header{"Retry-After": {strconv.Itoa(retryAfter)}}
	return e
}

// write answers with e.
func (e *Error) write(w http.ResponseWriter) { _ = e.writeTimed(w, "") }

// writeTimed is write with a Server-Timing header, unless timing is "". It
// returns the length of the body.
func (e *Error) writeTimed(w http.ResponseWriter, timing string) int {
	h := w.Header()
	maps.Copy(h, e.Header)
	addTiming(h, timing)
	body := e.Body
	if body == nil {
		h.Set("Content-Type", "application/json")
		body = e.text()
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(e.Status)
	n, _ := w.Write(body)
	return n
}

// text is the body of an answer that the gateway makes itself. Clients of the
// protocols look for a message in error.message, error.reason or error.type.
func (e *Error) text() []byte {
	type inner struct {
		Type    string `json:"type"`
		Message string `json:"message"`
		Reason  string `json:"reason"`
	}
	body, err := json.Marshal(struct {
		Error  inner `json:"error"`
		Status int   `json:"status"`
	}{inner{"gateway", e.Text, e.Text}, e.Status})
	if err != nil {
		return nil // strings and an int: it cannot be
	}
	return append(body, '\n')
}
