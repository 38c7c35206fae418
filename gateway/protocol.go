package gateway

import (
	"errors"
	"net/http"
)

// Protocol knows one bulk protocol: it takes callers' requests apart, joins
// the items of many into one upstream request, takes the answer apart and
// puts each caller's answer together. It holds no state of its own: all
// methods are safe for concurrent use, wait for nothing and never panic,
// whatever they are given. Match, Read and Reply run where the caller is;
// Join and Split may run in another process, and know nothing but what they
// are given.
//
// JSON passes through it as it is: what is not understood is copied byte by
// byte, never decoded and encoded again.
type Protocol interface {
	// Match tells from the head of a request (method, URL, header) whether
	// it may be a call of this protocol. If not, its body is not touched.
	Match(r *http.Request) bool

	// Read takes a call that Match has found apart. body is all of its body,
	// decompressed; r.Body must not be used. The Call may share memory with
	// body. most is the most items that it may have, zero: any number. One with
	// more is an Error of status 413, and takes no memory for them: the items of
	// a few bytes are many times as large.
	//
	// [ErrNotMine] says that it is something else after all: it is passed
	// through or refused, as the route says. A call without any item is
	// ErrNotMine too. An [Error] is answered as it is, every other error with
	// status 400 and its text: whatever would make the upstream refuse a
	// batch as a whole must be found here.
	Read(r *http.Request, body []byte, most int) (*Call, error)

	// Join makes the body of the upstream request for items with one key, in
	// their order. It must not change items or what they point to. An error
	// fails the batch with status 500.
	Join(key Key, items []Item) ([]byte, error)

	// Split takes the upstream's answer to these items apart, one Result for
	// each, in the order of the items. It is called for an answer with a
	// status below 300. It checks counts and ids: an error fails the batch
	// with status 502 and its text, which reaches every caller and the log:
	// it must not quote what concerns one of them. The results may share memory
	// with the answer.
	Split(key Key, items []Item, answer Answer) ([]Result, error)

	// Reply makes the answer to a call from the results of its items, in
	// their order; they may come from several batches. An error is status 502.
	Reply(call *Call, results []Result) (Reply, error)
}

// Limiter is implemented by a Protocol whose upstream takes no more than so
// many items, or so much weight, at once: the defaults of a route's MaxItems
// and MaxWeight. Zero: none.
type Limiter interface {
	Limits() (items, weight int)
}

// Refuser is implemented by a Protocol that has more to say of an upstream's
// answer with a status of 300 or above than that it reaches every caller of
// the batch as it is.
type Refuser interface {
	// Refuse may change e, which is what callers will get, or give a Result
	// for each item after all; nil: none. They count unless e says that the
	// batch is sent again in parts, and there are parts. It is otherwise as
	// Split.
	Refuse(key Key, items []Item, answer Answer, e *Error) []Result
}

// Explainer is implemented by a Protocol whose clients look for an error in a
// form of their own.
type Explainer interface {
	// Explain gives the body, in JSON, of an answer that the gateway makes
	// itself: to call, which is nil if it has not been read.
	Explain(call *Call, e *Error) []byte
}

// ErrNotMine is what Protocol.Read returns for a request that is not a call
// of its protocol.
var ErrNotMine = errors.New("gateway: not a call of this protocol")

// Call is a caller's request, taken apart.
type Call struct {
	Items []Item // one or more

	// Shape is whatever of the call decides what its items mean: usually its
	// body without them. Only items of equal shape share a batch.
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

	// State is for Reply, and not touched.
	State any
}

// Item is one thing that the upstream does for a caller. It belongs to
// whoever holds it, but nobody may change Data.
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

// Result is what an answer holds for one item. Only the protocol that made it
// reads it.
type Result struct {
	Status int    // the item's own HTTP status, for protocols that have it
	Body   []byte // the item's part of the answer
	Frame  []byte // what surrounds the items' parts; the items of a batch may share it
	Extra  []byte // what else Reply needs to know of this item
}

// Reply is the answer to a caller. To its header come those of the upstream's
// answer that concern a caller, and Server-Timing.
type Reply struct {
	Status int         // zero: 200
	Header http.Header // wins over the upstream's; may be nil
	Body   []byte      // nil: none
}
