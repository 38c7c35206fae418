package serve

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"slices"

	"github.com/gobatcher/batcher/cmd/batcher/internal/admin"
	"github.com/gobatcher/batcher/cmd/batcher/internal/certs"
	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
	"github.com/gobatcher/batcher/cmd/batcher/internal/durable"
	"github.com/gobatcher/batcher/cmd/batcher/internal/metrics"
	"github.com/gobatcher/batcher/cmd/batcher/internal/tracing"
	"github.com/gobatcher/batcher/gateway"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
)

// parts are what is built from one reading of the configuration.
type parts struct {
	config   *config.Config
	handler  *gateway.Handler // nil for a worker
	observer gateway.Observer
	queues   *durable.Routes // nil: nothing is durable
	tls      *tls.Config     // of the service port; nil is none
	doubts   []string        // about certificates that are used nevertheless
	tokens   []string
	probe    *admin.Probe
	log      *slog.Logger
}

// shutdown answers what has been accepted, and ends the work.
func (p *parts) shutdown(ctx context.Context) (err error) {
	if p.handler != nil {
		err = p.handler.Shutdown(ctx)
	}
	if p.queues != nil { // last: the handler's requests need the workers
		if late := p.queues.Shutdown(ctx); err == nil { // else it says the same
			err = late
		}
	}
	return err
}

// doubt notes what is odd about the certificate of a key; "" is nothing.
func (p *parts) doubt(key, what string) {
	if what != "" {
		p.doubts = append(p.doubts, key+": "+what)
	}
}

// build builds the parts of c. It opens files, but no connections except to the
// queues.
func (s *server) build(c *config.Config) (p *parts, err error) {
	p = &parts{config: c, log: newLog(c.Log, s.lines), observer: s.observer(c)}
	if c.TLS.Cert != "" {
		if p.tls, err = certs.Load(s.read, c.TLS.Cert, c.TLS.Key, c.TLS.ClientCA); err != nil {
			return nil, c.FilesFault("tls.cert", "tls.client-ca", err)
		}
		p.doubt("tls.cert", certs.Untimely(p.tls))
	}
	if p.tokens, err = s.readTokens(c.Tokens); err != nil {
		return nil, c.Fault("tokens", "%v", err)
	}
	credentials, err := s.readToken(c.Token)
	if err != nil {
		return nil, c.Fault("upstream-token", "%v", err)
	}
	transport, err := s.transport(c)
	if err != nil {
		return nil, err
	}
	p.doubt("upstream-tls.cert", certs.Untimely(transport.TLSClientConfig))
	p.probe = admin.NewProbe(s.upstreams(c), c.Admin.Probe, transport)
	m := &maker{s: s, c: c, transport: s.tracedTransport(transport), credentials: credentials, observer: p.observer}
	if s.link != nil {
		m.queues = durable.NewRoutes(s.link)
	}
	if p.handler, err = m.handler(); err != nil && m.queues != nil {
		s.old.all.Go(func() {
			ctx, cancel := context.WithTimeoutCause(s.ending, c.Patience(), errGrace)
			defer cancel()
			m.queues.Abandon(ctx)
		})
	}
	p.queues = m.queues
	return p, err
}

// transport is what asks the upstreams of c.
func (s *server) transport(c *config.Config) (*http.Transport, error) {
	outbound, err := certs.Client(s.read, c.Outbound.CA, c.Outbound.Cert, c.Outbound.Key, c.Outbound.ServerName)
	if err != nil {
		return nil, c.FilesFault("upstream-tls.cert", "upstream-tls.ca", err)
	}
	t := gateway.NewTransport()
	t.Proxy = nil // upstreams are those that are configured, and the probe asks no proxy either
	t.TLSClientConfig = outbound
	// A connection that is being made outlives a caller that leaves, and over HTTP/2 many can come and leave.
	t.MaxConnsPerHost = 2 * c.Limits.Connections
	return t, nil
}

// tracedTransport is t with a span for each request, if anything is traced.
func (s *server) tracedTransport(t *http.Transport) http.RoundTripper {
	if s.tracer == nil {
		return t
	}
	return keeping{otelhttp.NewTransport(sharing{t}, otelhttp.WithTracerProvider(s.tracer), otelhttp.WithPropagators(s.propagator))}
}

// observer counts and logs what the routes of c do.
func (s *server) observer(c *config.Config) gateway.Observer {
	o := gateway.Observer{
		Served:    s.served,
		Exchanged: func(ctx context.Context, e gateway.Exchange) { s.metrics.Exchanged(ctx, e) },
	}
	if log := newLog(c.Log, gathered{s.lines}); c.Log.Access && log.Enabled(context.Background(), slog.LevelInfo) {
		o.Served = func(r *http.Request, served gateway.Served) {
			s.served(r, served)
			logAccess(log, r, served)
		}
	}
	return o
}

// served counts a request.
func (s *server) served(r *http.Request, served gateway.Served) {
	s.metrics.Served(served)
	durable.Served(r, served)
}

// upstreams returns the URLs of all upstreams, each once: those of the routes and,
// except for a worker, the one for requests that match no route.
func (s *server) upstreams(c *config.Config) (urls []string) {
	add := func(u string) {
		if u != "" && !slices.Contains(urls, u) {
			urls = append(urls, u)
		}
	}
	for _, r := range c.Routes {
		add(c.UpstreamURL(r))
	}
	if !s.opts.Worker {
		add(c.Upstream)
	}
	return urls
}

// Check builds what Run would serve with, to find what is wrong with the files
// that c names. It also returns what Run would only warn of.
func Check(c *config.Config) (doubts []string, err error) {
	s := &server{stderr: io.Discard, lines: &lines{out: io.Discard}, metrics: metrics.New(""), propagator: tracing.Propagator}
	if err := durable.Check(c); err != nil {
		return nil, err
	}
	p, err := s.build(c)
	if err != nil {
		return nil, err
	}
	return p.doubts, p.handler.Shutdown(context.Background())
}
