package gateway

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
)

// HTTPOptions say how an HTTP upstream is reached.
type HTTPOptions struct {
	// Transport sends requests. Close closes only its idle connections. An
	// [http.Transport] should have DisableCompression set: else it asks for gzip
	// on behalf of callers that did not, and unpacks what is passed through.
	// Default: nil, one of its own, made by [NewTransport].
	Transport http.RoundTripper

	// Repeat sends a batch again over another connection when one that was kept
	// ends before any of the answer has come. Like Route.Isolate, it is only for
	// an upstream whose calls may be repeated. Default: false, since the upstream
	// may have done what it did not answer.
	Repeat bool

	// Header is set on every request to the upstream, batches and what is
	// passed through alike, in place of what the caller sent: credentials of
	// the gateway's own. A name without values drops that header. Host cannot be
	// set: it is that of the URL. Default: nil, none.
	Header http.Header

	// MaxAnswer is the most bytes of the answer to a batch; a longer one fails
	// the batch with status 502. Default: zero, which is DefaultMaxAnswer. Negative:
	// no limit.
	MaxAnswer int64
}

// DefaultMaxAnswer is the most bytes of the answer to a batch where nothing else is
// said: 64 MiB.
const DefaultMaxAnswer = 64 << 20

// HTTP is an Upstream that is asked over HTTP. What is passed through reaches it
// unchanged, with streaming, trailers and upgrades. Make one with NewHTTP.
type HTTP struct {
	base   *url.URL
	prefix string // what stands before a key's path
	opts   HTTPOptions
	proxy  *httputil.ReverseProxy
}

// NewHTTP makes an Upstream of the server at base, an http or https URL; the
// path of each request is appended to that of base.
func NewHTTP(base string, opts HTTPOptions) (*HTTP, error) {
	u, err := url.Parse(base)
	if err != nil { // it quotes base, in which there may be a password
		return nil, fmt.Errorf("gateway: upstream: want http[s]://host[:port][/path]: %w", errors.Unwrap(err))
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("gateway: upstream %q: want http[s]://host[:port][/path]", u.Redacted())
	}
	if opts.Transport == nil {
		opts.Transport = NewTransport()
	}
	set(&opts.MaxAnswer, DefaultMaxAnswer)
	h := &HTTP{base: u, opts: opts, prefix: u.Scheme + "://" + u.Host + strings.TrimRight(u.EscapedPath(), "/")}
	h.proxy = &httputil.ReverseProxy{Rewrite: h.rewrite, Transport: opts.Transport, FlushInterval: -1, ModifyResponse: sendable, ErrorHandler: h.failed}
	return h, nil
}

// sendable refuses a status that net/http reads, but would panic on sending.
func sendable(res *http.Response) error { return fromOn(res, http.StatusContinue) }

// fromOn refuses a status below least, and one of four digits, which HTTP/2 can carry.
func fromOn(res *http.Response, least int) error {
	if res.StatusCode < least || res.StatusCode > 999 {
		return fmt.Errorf("status %d is not that of an answer", res.StatusCode)
	}
	return nil
}

// Send posts a batch. A redirect is an answer like any other.
func (h *HTTP) Send(ctx context.Context, key Key, body []byte) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, key.Method, h.prefix+key.Path, bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	req.URL.RawQuery = key.Query // as it is: url.Parse would end it at a "#"
	req.Header = key.Header()
	req.Header.Set("Content-Type", key.ContentType)
	req.Header.Set("Accept-Encoding", "gzip")
	if h.opts.Repeat && req.Header["Idempotency-Key"] == nil {
		req.Header["Idempotency-Key"] = nil // not sent: it tells net/http that the request may be repeated
	}
	h.override(req.Header)
	res, err := h.opts.Transport.RoundTrip(req)
	if err != nil {
		return Answer{}, unquoted{err}
	}
	defer func() { _ = res.Body.Close() }()
	if err := fromOn(res, http.StatusOK); err != nil { // the body of a 101 is a stream
		return Answer{}, err
	}
	data, err := h.readAnswer(res)
	if err != nil {
		err = unquoted{err}
	}
	return Answer{Status: res.StatusCode, Header: res.Header, Body: data}, err
}

func (h *HTTP) override(header http.Header) {
	for name, values := range h.opts.Header {
		name = http.CanonicalHeaderKey(name)
		if len(values) == 0 {
			delete(header, name)
			continue
		}
		header[name] = values
	}
}

// curtail leaves out of a trailer the names that the gateway sets itself: some servers
// take them as if they had come in the header.
func (h *HTTP) curtail(trailer http.Header) {
	if trailer == nil {
		return
	}
	for name := range h.opts.Header {
		trailer.Del(name)
	}
	for _, name := range slices.Concat(sent, forwarded, []string{"X-Forwarded-For"}) {
		delete(trailer, name)
	}
}

// readAnswer reads and decompresses.
func (h *HTTP) readAnswer(res *http.Response) (data []byte, err error) {
	from, n := io.Reader(res.Body), res.ContentLength
	switch coding := codingOf(res.Header); {
	case coding == "", n == 0:
	case coding == "gzip":
		if from, err = gzip.NewReader(res.Body); err == io.EOF {
			return nil, nil // nothing is nothing in gzip too
		} else if err != nil {
			return nil, err
		}
		n = -1
	default:
		return nil, Errorf(http.StatusBadGateway, "the upstream's answer is in a content coding that was not asked for")
	}
	data, err = readAll(from, n, h.opts.MaxAnswer, nil)
	if errors.Is(err, errTooLong) {
		return nil, Errorf(http.StatusBadGateway, "the upstream's answer is longer than %d bytes", h.opts.MaxAnswer)
	}
	return data, err
}

// ServeHTTP passes r through.
func (h *HTTP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if e := misdirected(r); e != nil {
		explain(w, e)
		e.write(w)
		return
	}
	// Else an HTTP/1 server reads the request to its end before it answers, which
	// never comes if the caller waits for the answer. HTTP/2 needs no such call.
	_ = http.NewResponseController(w).EnableFullDuplex()
	r = withPassedBody(asWritten(r), func() { h.curtail(r.Trailer) })
	h.curtail(r.Trailer) // which is there already if the body was read before
	h.proxy.ServeHTTP(answerTo(w, r), r)
}

// misdirected says why r is not passed through, or returns nil.
func misdirected(r *http.Request) *Error {
	switch {
	case r.URL.Opaque != "": // "x:http://any/where" would be sent as http://any/where, past the path of the URL
		return Errorf(http.StatusBadRequest, "the target of the request has no path")
	case r.Method == http.MethodConnect: // an upstream that answered 200 would have the caller believe in a tunnel
		return Errorf(http.StatusNotImplemented, "the gateway makes no tunnels")
	}
	return nil
}

// forwarded are the headers by which proxies in front of the gateway say how a
// request came to them. X-Forwarded-For is not one: the gateway adds to it.
var forwarded = []string{"Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto"}

// rewrite sends a request on as it came, except for what belongs to its
// connection, and with the usual X-Forwarded headers where they are missing. An
// offer of HTTP/2 belongs to the connection: an upstream that took it would speak
// with the caller past the gateway.
func (h *HTTP) rewrite(pr *httputil.ProxyRequest) {
	pr.SetURL(h.base)
	if offersHTTP2(pr.In.Header) {
		pr.Out.Header.Del("Upgrade")
		pr.Out.Header.Del("Connection")
	}
	pr.Out.Header.Del("Http2-Settings")
	pr.Out.URL.RawQuery = pr.In.URL.RawQuery
	pr.Out.Trailer = pr.In.Trailer // not a copy: it gets its values at the end of the body
	if pr.Out.Body != nil && pr.In.ProtoMajor >= 2 {
		// ReverseProxy lets nobody close it, since over HTTP/1 that may wait for the rest. When an
		// upstream ends a stream of HTTP/2, the transport closes it to end a Read, and waits for that.
		pr.Out.Body = pr.In.Body
	}
	pr.Out.Header["X-Forwarded-For"] = pr.In.Header["X-Forwarded-For"]
	pr.SetXForwarded()
	for _, name := range forwarded {
		if said := pr.In.Header[name]; said != nil {
			pr.Out.Header[name] = said
		}
	}
	h.override(pr.Out.Header)
}

// failed answers in place of an upstream that does not. A caller that has left,
// or closed its half of the connection, gets no answer: the panic keeps net/http
// from sending status 200.
func (h *HTTP) failed(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		err = errors.Join(err, context.Cause(r.Context()), passedFault(r))
	}
	e := asError(fmt.Errorf("the upstream did not answer: %w", unquoted{err}))
	if body := (unreadBody{}); e.Status == http.StatusBadGateway && errors.As(err, &body) {
		e = Errorf(http.StatusBadRequest, "the body cannot be read: %v", unquoted(body))
	}
	if e.Status == statusClientGone {
		panic(http.ErrAbortHandler)
	}
	explain(w, e)
	e.write(w)
}

// Close closes the transport's idle connections.
func (h *HTTP) Close() error {
	if t, ok := h.opts.Transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
	return nil
}
