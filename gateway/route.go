package gateway

import (
	"time"

	"github.com/gobatcher/batcher"
)

// Route says which requests are batched, and how. Its zero limits are the
// defaults named here; a negative one means none, unless it says otherwise.
type Route struct {
	// Name appears in logs and metrics. Default: "", which is Pattern.
	Name string

	// Pattern is an [net/http.ServeMux] pattern: "/v1/models/{rest...}",
	// "POST /v1/embeddings", "api.example.com/". The most specific one wins. A path
	// with //, /./ or /../ in it matches none, nor does /a where there is /a/ and no
	// other pattern for /a alone.
	Pattern string

	// Protocol and Upstream must be set; Upstream may be nil where Dispatcher
	// is set and Refuse is.
	Protocol Protocol
	Upstream Upstream

	// Dispatcher takes the place of the in-process batching. The fields from
	// MaxItems to Wrap are then its business, not the route's, and Process
	// returns the function that answers its batches. Default: nil.
	Dispatcher Dispatcher

	// Headers names the request headers that matter, in addition to
	// Authorization, Origin and those of the protocol: only requests that are
	// equal in all of them share a batch, and no others reach the upstream with
	// it. Host and headers of the connection or the body's coding cannot be
	// named. Default: nil, Authorization and Origin.
	Headers []string

	// Refuse answers requests that match Pattern but are no calls of Protocol
	// with status 404 instead of passing them through. It keeps nobody from the
	// upstream where Options.Fallback passes on what matches no Pattern, such as
	// the same path with another slash in it. Default: false.
	Refuse bool

	// MaxItems is the most items in a batch. Default: zero, which is the
	// protocol's limit, or 64.
	MaxItems int

	// MinItems is how many items are enough to start, MaxConcurrent the most
	// upstream calls at once, Delay the longest wait for company and TargetTime
	// the longest that an upstream call should take: see [batcher.Options]. With
	// a Delay of Timeout or more, calls whose batch does not fill get status 504.
	MinItems      int
	MaxConcurrent int
	Delay         time.Duration
	TargetTime    time.Duration

	// MaxWeight is the most weight in a batch, in the protocol's unit; a
	// heavier item is answered with status 413. Default: zero, which is the
	// protocol's limit, or none.
	MaxWeight int

	// MaxBatchBytes is the most bytes of items in a batch; a longer item is
	// answered with status 413. Default: zero, 16 MiB.
	MaxBatchBytes int

	// Isolate sends a batch that failed for what may be one item's fault again
	// in parts, by whole calls, until each culprit is alone: after an answer that
	// does not fit, a status of 400, 422 or 500, or a Program that crashed or
	// took too long. For n calls that makes 2n-2 upstream calls more at most;
	// callers that have left are left out. Only for an upstream whose calls may
	// be repeated. Default: false.
	Isolate bool

	// Wrap wraps the processing of a batch: a place for the functions of
	// package middleware, and for telemetry. Default: nil, nothing.
	Wrap func(batcher.Func[Item, Outcome]) batcher.Func[Item, Outcome]

	// MaxPending is the most items waiting or being processed; a call that would
	// exceed it is answered with status 429, and one that has more items than
	// that by itself with 413. Default: zero, 16,384.
	MaxPending int

	// MaxPendingBytes is the most bytes of requests being read, waiting or
	// being processed; a request that would exceed it is answered with status
	// 429, and one that takes more than that by itself with 413. What counts is
	// the memory taken for a body, unpacked, and until it is read also for the
	// body as it came. With what is copied of it, a call keeps up to three times
	// that; headers, up to 250 bytes for each item, and the index in the path of a
	// bulk, which each write repeats, do not count. Default: zero, 256 MiB.
	MaxPendingBytes int64

	// MaxBody is the most bytes of the body of a call; a longer one is answered
	// with status 413. What is passed through is not limited. Default: zero,
	// 8 MiB.
	MaxBody int64

	// Timeout is the longest that a call may take; one that is not answered by
	// then gets status 504, as soon as no Read of its body is under way. Default:
	// zero, 30 s.
	Timeout time.Duration
}

const (
	defaultMaxItems        = 64
	defaultMaxBatchBytes   = 16 << 20
	defaultMaxPending      = 16384
	defaultMaxPendingBytes = 256 << 20
	defaultMaxBody         = 8 << 20
	defaultTimeout         = 30 * time.Second
)

// WithDefaults returns r with its defaults in place of what is zero, as far as they
// are named above and depend on nothing but r.
func (r Route) WithDefaults() Route {
	items, weight := 0, 0
	if l, ok := r.Protocol.(Limiter); ok {
		items, weight = l.Limits()
	}
	set(&r.Name, r.Pattern)
	set(&r.MaxItems, items)
	set(&r.MaxItems, defaultMaxItems)
	set(&r.MaxConcurrent, 1)
	set(&r.MaxWeight, weight)
	set(&r.MaxBatchBytes, defaultMaxBatchBytes)
	set(&r.MaxPending, defaultMaxPending)
	set(&r.MaxPendingBytes, defaultMaxPendingBytes)
	set(&r.MaxBody, defaultMaxBody)
	set(&r.Timeout, defaultTimeout)
	return r
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// options returns those of the in-process batching. r has its defaults.
func (r Route) options() batcher.Options {
	o := batcher.Options{
		MaxSize:       max(0, r.MaxItems),
		MinSize:       r.MinItems,
		Delay:         r.Delay,
		TargetTime:    r.TargetTime,
		MaxConcurrent: r.MaxConcurrent,
	}
	if r.scale().limited() {
		o.MaxWeight = scaleFull
	}
	return o
}
