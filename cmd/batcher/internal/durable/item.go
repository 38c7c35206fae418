package durable

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/gobatcher/batcher/gateway"
	"github.com/gobatcher/batcher/natsbatch"
)

// request is an item on its way to the upstream.
type request struct {
	Key  gateway.Key
	Item gateway.Item
}

// answer is what has become of an item: one of the two.
type answer struct {
	Outcome *gateway.Outcome `json:",omitempty"`
	Error   *gateway.Error   `json:",omitempty"`
}

// groupOf returns the name of the batches that items of this key may be in: it is
// the same for equal keys only.
func groupOf(key gateway.Key) string {
	text, err := json.Marshal(key)
	if err != nil {
		panic(err) // strings can always be marshaled
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// answered turns the answer of a worker into that for the caller of Dispatch, whose
// item has so many bytes.
func answered(size int, a answer, err error) (gateway.Outcome, error) {
	switch {
	case err != nil:
		return gateway.Outcome{}, failed(size, err)
	case a.Error != nil:
		return gateway.Outcome{}, a.Error
	case a.Outcome == nil:
		return gateway.Outcome{}, gateway.Errorf(502, "an answer from the queue that says nothing")
	}
	return *a.Outcome, nil
}

// failed returns the answer to a caller whose request failed in the queue.
func failed(size int, err error) error {
	var own *natsbatch.FuncError
	switch {
	case errors.Is(err, natsbatch.ErrFull):
		return withRetryAfter(gateway.Errorf(429, "too many requests are waiting"))
	case errors.Is(err, natsbatch.ErrClosed):
		return withRetryAfter(gateway.Errorf(503, "the gateway is shutting down"))
	case errors.Is(err, natsbatch.ErrTooLarge):
		return gateway.Errorf(413, "too large for the queue, where the item's %d bytes and those of its answer take a third more: %v", size, err)
	case errors.Is(err, natsbatch.ErrExpired):
		return gateway.Errorf(504, "no answer in time: %v", err)
	case errors.Is(err, natsbatch.ErrDead):
		return gateway.Errorf(502, "no worker could process it: %v", err)
	case errors.As(err, &own):
		return gateway.Errorf(502, "%s", own.Text)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return fmt.Errorf("the queue: %w", err)
}

func withRetryAfter(e *gateway.Error) *gateway.Error {
	e.Header = map[string][]string{"Retry-After": {"1"}}
	return e
}
