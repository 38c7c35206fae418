package gateway

import (
	"errors"
	"net/http"
)

// Protocol knows one bulk protocol: it takes callers' requests apart, joins the
// items of many into one upstream request, takes the answer apart and puts each
// caller's answer together. It holds no state of its own: all methods are safe
// for concurrent use, wait for nothing and never panic, whatever their
// arguments. Match, Read and Reply run in the process that serves the caller;
// Join and Split may run in another, and know nothing but their arguments.
//
// JSON passes through it as it is: what is not understood is copied byte by
// byte, never decoded and encoded again.
type Protocol interface {
	// Match reports by the head of a request (method, URL, header) whether it
	// may be a call of this protocol. If not, its body is not touched.
	Match(r *http.Request) bool

	// Read takes apart a call that Match has found. body is all of its body,
	// decompressed; r.Body must not be used. The Call may share memory with
	// body. most is the most items that it may have, zero: any number. One with
	// more is an Error of status 413, and Read allocates nothing for them: an
	// item of a few bytes takes many times as much memory.
	//
	// [ErrNotMine] says that it is something else after all: it is passed
	// through or refused, as the route says. A call without any item is
	// ErrNotMine too. An [Error] is answered as it is, every other error with
	// status 400 and its text: whatever would make the upstream refuse a
	// batch as a whole must be found here. What only some upstreams refuse makes
	// the call one that is Alone.
	Read(r *http.Request, body []byte, most int) (*Call, error)

	// Join makes the body of the upstream request for items with one key, in
	// their order. It must not change items or what they point to. An error
	// fails the batch with status 500.
	Join(key Key, items []Item) ([]byte, error)

	// Split takes apart the upstream's answer to these items, which has a status
	// below 300, and returns one Result for each item, in their order. It checks
	// counts and ids. An error fails the batch with status 502 and its text,
	// which must not quote what concerns one caller: it reaches all of them, and
	// the log. An *Error that comes with the results has the batch sent again in
	// parts if it says so and there are parts; else it is dropped. The results may
	// share memory with the answer.
	Split(key Key, items []Item, answer Answer) ([]Result, error)

	// Reply makes the answer to a call from the results of its items, of which there
	// is one at least, in their order; they may come from several batches. An error
	// is status 502.
	Reply(call *Call, results []Result) (Reply, error)
}

// Limiter is implemented by a Protocol whose upstreams bound the items, or the
// weight, of a request. Limits returns the defaults of a route's MaxItems and
// MaxWeight; zero is none.
type Limiter interface {
	Limits() (items, weight int)
}

// Refuser is implemented by a Protocol that does more with an upstream's answer
// with a status of 300 or above than to let it reach every caller of the batch
// as it is.
type Refuser interface {
	// Refuse may change e, which is what callers will get, or return a Result
	// for each item after all, or nil. The results are used unless e says that
	// the batch is sent again in parts, and there are parts. It is otherwise
	// like Split.
	Refuse(key Key, items []Item, answer Answer, e *Error) []Result
}

// Explainer is implemented by a Protocol whose clients expect errors in a form of
// their own.
type Explainer interface {
	// Explain returns the body, in JSON, of an error answer of the gateway's own
	// to call, which is nil if it has not been read.
	Explain(call *Call, e *Error) []byte
}

// ErrNotMine is what Protocol.Read returns for a request that is not a call
// of its protocol.
var ErrNotMine = errors.New("gateway: not a call of this protocol")

// Call is a caller's request, taken apart.
type Call struct {
	Items []Item // one or more

	// Shape is the part of the call that decides what its items mean: usually
	// its body without them. Only items of equal shape share a batch.
	Shape string

	// Method, Path (escaped) and Query (without the question mark) are those
	// of the upstream request. Default, where Method is "": those of the call.
	Method, Path, Query string

	// ContentType is that of the upstream request. Default: "", which is
	// application/json.
	ContentType string

	// Headers names further request headers that matter to this protocol,
	// beside those that the route names, in canonical form. They divide
	// batches and reach the upstream.
	Headers []string

	// Alone keeps the items of all other calls out of the batches of this one:
	// the upstream may refuse a batch because of what it holds, though others
	// take it.
	Alone bool

	// State is for Reply, and not touched.
	State any
}

// Item is one thing that the upstream does for a caller. Nobody may change Data.
type Item struct {
	Data []byte // in a form that the protocol chooses; valid JSON for most

	// Weight counts towards the route's MaxWeight, in the protocol's unit.
	// Zero and less count as 1.
	Weight int
}

// Answer is what an upstream said.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Result is what an answer holds for one item. Only the Protocol that made it
// reads it.
type Result struct {
	Status int    // the item's own HTTP status, for protocols that have it
	Body   []byte // the item's part of the answer
	Frame  []byte // what surrounds the items' parts; the items of a batch may share it
	Extra  []byte // what else Reply needs to know of this item
}

// Reply is the answer to a caller. The headers of the upstream's answer that
// concern a caller, and Server-Timing, are added to its own.
type Reply struct {
	Status int         // zero: 200
	Header http.Header // wins over the upstream's; may be nil
	Body   []byte      // nil: none
}
