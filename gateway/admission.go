package gateway

import (
	"errors"
	"net/http"
	"sync/atomic"

	"github.com/gobatcher/batcher/gateway/internal/jsonraw"
)

// admission bounds what a route holds: items waiting or being processed, and
// bytes of requests being read, waiting or being processed.
type admission struct {
	most      int64 // items; zero and less: no limit
	mostBytes int64
	items     atomic.Int64
	bytes     atomic.Int64
}

// enter reserves room for a call of n items. A call of more items than there can
// ever be room for is refused for good.
func (a *admission) enter(n int) error {
	if a.most > 0 && int64(n) > a.most {
		return Errorf(http.StatusRequestEntityTooLarge, "%d items are more than the %d that may wait", n, a.most)
	}
	if now := a.items.Add(int64(n)); a.most > 0 && now > a.most {
		a.leave(n)
		return full("too many items are waiting")
	}
	return nil
}

// tooMany returns the answer to a call of more items than a route ever has room
// for.
func tooMany(most int) *Error {
	return Errorf(http.StatusRequestEntityTooLarge, "more items than the %d that may wait", most)
}

// bounded returns the error for a call that could not be read because of err,
// with room for so many items.
func bounded(err error, most int) error {
	if errors.Is(err, jsonraw.ErrMany) {
		return tooMany(most)
	}
	return err
}

func (a *admission) leave(n int) { a.items.Add(int64(-n)) }

// enterBytes reserves room for n bytes of a request's body.
func (a *admission) enterBytes(n int64) error {
	if now := a.bytes.Add(n); a.mostBytes > 0 && now > a.mostBytes {
		a.leaveBytes(n)
		return full("too many bytes are waiting")
	}
	return nil
}

func (a *admission) leaveBytes(n int64) { a.bytes.Add(-n) }
