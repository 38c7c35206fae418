package gateway

import (
	"context"
	"net/http"
	"time"

	"github.com/gobatcher/batcher"
)

// Process gets one batch answered: it joins items, all of one key, asks the
// upstream and takes the answer apart. It is a [batcher.Func] with a key: it
// returns one Outcome for each item, or an error for all, or [batcher.Errors]
// with one for each; the errors are or wrap an [Error] where the upstream or the
// protocol said what is wrong. See [Route.Process].
type Process func(ctx context.Context, key Key, items []Item) ([]Outcome, error)

// Dispatcher gathers the items of many calls into batches and gets them answered
// by a Process. The Dispatcher of a route is an in-process [batcher.Keyed] unless
// the route brings another, which may process its batches anywhere: keys, items
// and outcomes hold nothing but data, and encoding/json can write and read them.
// All methods are safe for concurrent use.
type Dispatcher interface {
	// Dispatch hands in the items of one call, one or more, and waits for
	// their outcomes, in order. They may share batches with items of equal
	// keys, and with no others. When ctx ends, Dispatch returns, and items
	// that have not been sent yet should not be. If one item fails, its error
	// is the call's; of several, the first in order. ErrNotMine has no
	// meaning here: the call is answered with status 502.
	Dispatch(ctx context.Context, key Key, items []Item) ([]Outcome, error)

	// Shutdown processes what was dispatched and returns when all of it is
	// answered, or when ctx ends, with ctx's cause.
	Shutdown(ctx context.Context) error

	// Stats counts items and batches, as far as this process knows of them.
	Stats() batcher.Stats
}

// Outcome is what became of an item, and in which batch.
type Outcome struct {
	Result Result
	Batch  *Batch // shared by the outcomes of a batch, which must not change it
}

// Batch is what the callers of a batch are told about it.
type Batch struct {
	ID       string          // unique within the process that ran it, and very likely everywhere
	Size     int             // items
	Trigger  batcher.Trigger // what started it
	Upstream time.Duration   // from sending to the whole answer
	Status   int             // of the upstream's answer; zero: unknown, which callers are told as 200
	Header   http.Header     // of the upstream's answer: what concerns callers
}
