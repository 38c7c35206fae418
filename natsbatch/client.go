package natsbatch

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"
)

// ClientOptions say how a [Client] does its work. The zero ClientOptions are
// good.
type ClientOptions struct {
	// Codec turns requests into bytes and bytes into results. Front ends and
	// workers must agree on it. Default: nil, which is encoding/json, except that
	// a []byte passes as it is.
	Codec Codec

	// Trace gives the trace context to send along with a request, for
	// example a W3C traceparent; workers see it in [Meta]. It must be safe for
	// concurrent use. Default: nil, none.
	Trace func(context.Context) string
}

// Client is a front end: it sends single requests and gets their results. A [Worker]
// runs them in batches, which the requests of all front ends fill together. A
// request is encoded at once, and stays the caller's. All
// methods are safe for concurrent use. Make one with [NewClient], and Close it.
type Client[Req, Res any] struct {
	fe     *frontEnd
	encode func(Req) ([]byte, error)
	decode func([]byte) (Res, error)
}

// NewClient makes a front end of a queue. It creates and verifies the queue's
// streams as [Setup] does, and waits for that, no longer than ctx lasts.
//
// The connection stays the caller's: the Client needs it until Close has
// returned. It should reconnect for ever (nats.MaxReconnects(-1)), since a
// Client works again as soon as the connection does.
func NewClient[Req, Res any](ctx context.Context, nc *nats.Conn, q Queue, opts ClientOptions) (*Client[Req, Res], error) {
	t, err := open(ctx, nc, q)
	if err != nil {
		return nil, err
	}
	fe, err := newFrontEnd(t, opts.Trace)
	if err != nil {
		return nil, err
	}
	codec := codecOr(opts.Codec)
	return &Client[Req, Res]{fe: fe, encode: encoder[Req](codec), decode: decoder[Res](codec)}, nil
}

// Option says more about one request. Where two say it of the same, the later one counts.
// The zero Option says nothing.
type Option struct {
	about    aspect
	text     string // of a key or a group
	priority Priority
}

// aspect is what an Option is about.
type aspect uint8

const (
	aboutNothing aspect = iota
	aboutKey
	aboutGroup
	aboutUrgency
)

// Key makes Submit idempotent by an id of the caller's own, 1 to 128 bytes:
// however often and from wherever it is submitted while its result is kept,
// there is one result. The request is a message of its own and so costs one
// write to disk, which is far more than without. Only Submit takes it.
func Key(id string) Option { return Option{about: aboutKey, text: id} }

// Group lets the request be processed only with others of the same group, by
// workers made with [NewGroupWorker]; at most 256 bytes. Default: "".
func Group(name string) Option { return Option{about: aboutGroup, text: name} }

// Urgency gives the request a priority. Default: PriorityNormal.
func Urgency(p Priority) Option { return Option{about: aboutUrgency, priority: p} }

// options are what all Options of a request say.
type options struct {
	keyed    bool
	key      string
	group    string
	priority Priority
}

func combine(opts []Option) (all options, err error) {
	for _, o := range opts {
		switch o.about {
		case aboutKey:
			all.keyed, all.key = true, o.text
		case aboutGroup:
			all.group = o.text
		case aboutUrgency:
			all.priority = o.priority
		case aboutNothing:
		}
	}
	if all.keyed {
		err = checkKey(all.key)
	}
	if len(all.group) > maxGroup {
		err = fmt.Errorf("natsbatch: the group has %d bytes, must have at most %d", len(all.group), maxGroup)
	}
	if all.priority >= priorities {
		err = fmt.Errorf("natsbatch: %v does not exist", all.priority)
	}
	return all, err
}

const maxGroup = 256

// Do sends a request, waits for its result and returns it. Neither is kept
// once it is answered.
//
// The deadline of ctx goes with the request: once it has passed, the request
// does not run. When ctx ends Do returns at once: with ctx's cause if the
// request was never accepted, with an error that wraps [ErrUnknownOutcome] and
// ctx's cause if it was, or may have been.
//
// Other errors: [ErrFull], [ErrTooLarge], [ErrClosed] and, once the connection
// is closed for good, nats.ErrConnectionClosed, where the request was not
// accepted; [ErrUnknownOutcome] where it was, or may have been, and its answer
// is lost; [ErrExpired]; [ErrDead]; a [*FuncError]; the Codec's.
func (c *Client[Req, Res]) Do(ctx context.Context, req Req, opts ...Option) (res Res, err error) {
	o, err := combine(opts)
	if err != nil {
		return res, err
	}
	if o.keyed {
		return res, fmt.Errorf("natsbatch: Do takes no Key: use Submit and Wait")
	}
	payload, err := c.encode(req)
	if err != nil {
		return res, fmt.Errorf("natsbatch: encode the request: %w", err)
	}
	data, err := c.fe.do(ctx, payload, o)
	if err != nil {
		return res, err
	}
	return c.result(data)
}

// Submit sends a request and returns a claim on its result, which Wait and
// Get read, in any process, for as long as results are kept. When it returns
// nil the request survives the death of any process, and of any machine that
// the queue's durability covers. It waits until that is so, no longer than ctx
// lasts; the end of ctx has no effect later. A deadline of ctx goes with the
// request as it does in Do.
//
// Errors: [ErrFull], [ErrTooLarge], [ErrClosed], nats.ErrConnectionClosed and
// ctx's cause, where the request was not accepted; [ErrUnknownOutcome] where it
// may have been; the Codec's.
func (c *Client[Req, Res]) Submit(ctx context.Context, req Req, opts ...Option) (Handle, error) {
	o, err := combine(opts)
	if err != nil {
		return Handle{}, err
	}
	payload, err := c.encode(req)
	if err != nil {
		return Handle{}, fmt.Errorf("natsbatch: encode the request: %w", err)
	}
	return c.fe.submit(ctx, payload, o)
}

// Wait waits for the result of a request that was submitted, here or
// elsewhere, and returns it. It may be called any number of times. When ctx
// ends it returns ctx's cause; the request goes on.
//
// Other errors: [ErrExpired]; [ErrDead]; [ErrTooLarge]; a [*FuncError];
// [ErrClosed]; nats.ErrConnectionClosed; an error for a Handle that no request can
// have, and for a result that this program cannot read. Wait for a
// result that is no longer kept waits until ctx ends.
func (c *Client[Req, Res]) Wait(ctx context.Context, h Handle) (res Res, err error) {
	data, err := c.fe.wait(ctx, h)
	if err != nil {
		return res, err
	}
	return c.result(data)
}

// Get returns the result of a request that was submitted, here or elsewhere,
// if it is there: else [ErrNoResult]. Otherwise it is as Wait, and it waits
// only for the server.
func (c *Client[Req, Res]) Get(ctx context.Context, h Handle) (res Res, err error) {
	data, err := c.fe.get(ctx, h)
	if err != nil {
		return res, err
	}
	return c.result(data)
}

// Close refuses new requests, and waits until every request sent has been
// accepted or refused, and every Do has its answer. Close returns nil, also
// when it is called again.
func (c *Client[Req, Res]) Close() error { return c.fe.shutdown(context.Background()) }

// Shutdown is Close bounded by ctx. When ctx ends first, every Do and Submit
// that still waits gets [ErrClosed], or [ErrUnknownOutcome] if its request was,
// or may have been, accepted, and Shutdown returns ctx's cause.
func (c *Client[Req, Res]) Shutdown(ctx context.Context) error { return c.fe.shutdown(ctx) }

func (c *Client[Req, Res]) result(data []byte) (res Res, err error) {
	if res, err = c.decode(data); err != nil {
		return res, errBadResult(err)
	}
	return res, nil
}
