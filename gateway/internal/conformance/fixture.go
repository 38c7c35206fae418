// Package conformance holds the tests that every protocol of the gateway must
// pass. A protocol's test describes it by a Fixture and calls Run.
package conformance

import (
	"net/http"

	"github.com/gobatcher/batcher/gateway"
)

// Fixture is a protocol, its callers and its upstream. Items are numbers from 0
// up, and what the upstream answers to one depends on that number alone, so every
// item's answer can be recognized. Its functions are called from many goroutines
// at once.
type Fixture struct {
	Protocol gateway.Protocol

	// Pattern is the route's, and must match what Request returns.
	Pattern string

	// Request makes a call that holds these items, one or more, in this order.
	// Its URL has a path and a query at most.
	Request func(ids ...int) Request

	// Other makes a call that holds one item and must not, because of its body
	// alone, share a batch with what Request returns. Nil: there is none.
	Other func(id int) Request

	// Query is a query parameter that callers may differ in. Default: "", "q".
	Query string

	// Malformed are bodies of calls that must be answered with status 400.
	Malformed []string

	// Alone are bodies of calls for which a whole batch might be refused, or
	// whose answer could not be told from others': they are passed through.
	Alone []string

	// Odd makes a call with value, which is JSON, in an item, and Culprit in each
	// item. But for value it might share a batch with what Request returns.
	Odd func(value string) Request

	// Answer is the upstream: it answers a joined body. With extra 1 it holds
	// one result too many, with extra -1 one too few; each must be detected.
	// Where results are matched by id, it answers in another order than asked.
	// It fails if the body is not what an upstream of the protocol takes.
	Answer func(r *http.Request, body []byte, extra int) (Answer, error)

	// Check says what is wrong with the answer to Request(ids...), or to
	// Other(ids[0]): is it, byte by byte where it is the upstream's, what the
	// upstream would have answered to that call alone?
	Check func(ids []int, status int, header http.Header, body []byte) error

	// Options changes the route, which waits 5 ms for company and takes 16
	// items a batch, if the protocol needs it. Nil: as it is.
	Options func(*gateway.Route)
}

// Request is a call as a client makes it.
type Request struct {
	Method, URL string
	Header      http.Header
	Body        string
}

// Answer is what an upstream says.
type Answer struct {
	Status int // zero: 200
	Header http.Header
	Body   []byte
}

func (f Fixture) query() string {
	if f.Query == "" {
		return "q"
	}
	return f.Query
}
