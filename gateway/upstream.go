package gateway

import "context"

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
	// called once, when nothing is sent any more.
	Close() error
}
