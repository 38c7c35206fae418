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

// enter takes room for a call of n items. One of more items than there can
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

// tooMany is the answer to a call of more items than a route ever has room for.
func tooMany(most int) *Error {
	return Errorf(http.StatusRequestEntityTooLarge, "more items than the %d that may wait", most)
}

// bounded is err, which a call of up to so many items could not be read for.
func bounded(err error, most int) error {
	if errors.Is(err, jsonraw.ErrMany) {
		return tooMany(most)
	}
	return err
}

func (a *admission) leave(n int) { a.items.Add(int64(-n)) }

// enterBytes takes room for n bytes of a request's body.
func (a *admission) enterBytes(n int64) error {
	if now := a.bytes.Add(n); a.mostBytes > 0 && now > a.mostBytes {
		a.leaveBytes(n)
		return full("too many bytes are waiting")
	}
	return nil
}

func (a *admission) leaveBytes(n int64) { a.bytes.Add(-n) }
