package gateway

import (
	"context"
	"fmt"
	"time"
)

// Upstream answers batches. Its methods are safe for concurrent use.
//
// An Upstream that is an [net/http.Handler] too serves what its routes pass
// through. If it is none, they refuse such requests.
type Upstream interface {
	// Send sends the joined body of a batch and waits for the whole answer,
	// whatever its status, but no longer than ctx lasts. An error means that
	// there is no answer: an [Error] reaches the batch's callers as it is, a
	// timeout (see net.Error) as status 504, every other as 502.
	Send(ctx context.Context, key Key, body []byte) (Answer, error)

	// Close releases what the Upstream holds (connections, processes). It is
	// called once, when nothing is sent any more, also if routes share it.
	Close() error
}

// closeTime is what an Upstream has to close when no time is left. A Program
// needs more than a second, and leaves processes behind if it is not waited for.
const closeTime = 2 * time.Second

// CloseUpstream closes u, for who shuts an Upstream down in a Handler's place. It
// waits as long as ctx lasts, but 2 s if that is longer, and then returns an
// error that wraps ctx's cause: the transport of net/http waits for a lock of each
// connection of HTTP/2, and an upstream can bring one to hold it for ever.
func CloseUpstream(ctx context.Context, u Upstream) error {
	least := time.NewTimer(closeTime)
	defer least.Stop()
	closed := make(chan error, 1)
	go func() { closed <- u.Close() }()
	select {
	case err := <-closed:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-closed:
		return err
	case <-least.C:
		return fmt.Errorf("an upstream does not close: %w", context.Cause(ctx))
	}
}
