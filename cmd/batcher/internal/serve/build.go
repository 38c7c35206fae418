package serve

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/cmd/batcher/internal/admin"
	"github.com/gobatcher/batcher/cmd/batcher/internal/certs"
	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
	"github.com/gobatcher/batcher/cmd/batcher/internal/metrics"
	"github.com/gobatcher/batcher/cmd/batcher/internal/tracing"
	"github.com/gobatcher/batcher/gateway"
	"github.com/gobatcher/batcher/otelbatch"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
)

// parts are what one reading of the configuration makes.
type parts struct {
	config  *config.Config
	handler *gateway.Handler
	tls     *tls.Config // of the service port; nil is none
	tokens  []string
	probe   *admin.Probe
	log     *slog.Logger
}

// build makes the parts of c. It opens files, and no connection.
func (s *server) build(c *config.Config) (p *parts, err error) {
	p = &parts{config: c, log: newLog(c.Log, s.stderr)}
	if c.TLS.Cert != "" {
		if p.tls, err = certs.Load(c.TLS.Cert, c.TLS.Key, c.TLS.ClientCA); err != nil {
			return nil, c.Fault("tls.cert", "%v", err)
		}
	}
	if p.tokens, err = readTokens(c.Tokens); err != nil {
		return nil, c.Fault("tokens", "%v", err)
	}
	transport, err := s.transport(c)
	if err != nil {
		return nil, err
	}
	p.probe = admin.NewProbe(upstreams(c), c.Admin.Probe, transport)
	p.handler, err = s.newHandler(c, p.log, transport)
	return p, err
}

func (s *server) newHandler(c *config.Config, log *slog.Logger, transport http.RoundTripper) (*gateway.Handler, error) {
	var routes []gateway.Route
	for i, r := range c.Routes {
		made, err := s.route(c, i, r, transport)
		if err != nil { // no upstream has started anything yet
			return nil, err
		}
		routes = append(routes, made)
	}
	opts := gateway.Options{Observer: s.observer(c, log)}
	if c.Upstream != "" {
		fallback, err := gateway.NewHTTP(c.Upstream, gateway.HTTPOptions{Transport: transport})
		if err != nil {
			return nil, c.Fault("upstream", "%v", err)
		}
		opts.Fallback = fallback
	}
	return gateway.New(routes, opts)
}

func (s *server) route(c *config.Config, i int, r config.Route, transport http.RoundTripper) (gateway.Route, error) {
	upstream, err := s.upstream(c, r, transport)
	if err != nil {
		return gateway.Route{}, c.Fault(fmt.Sprintf("routes[%d].upstream", i), "%v", err)
	}
	made, err := r.Gateway(upstream)
	if err != nil {
		return gateway.Route{}, c.Fault(fmt.Sprintf("routes[%d].protocol", i), "%v", err)
	}
	if s.tracer == nil {
		return made, nil
	}
	telemetry, err := otelbatch.New(made.Name, otelbatch.Options{TracerProvider: s.tracer})
	if err != nil {
		return gateway.Route{}, err
	}
	made.Wrap = func(fn batcher.Func[gateway.Item, gateway.Outcome]) batcher.Func[gateway.Item, gateway.Outcome] {
		return otelbatch.Func(fn, telemetry)
	}
	return made, nil
}

// upstream makes the upstream of r. Nothing is started or connected yet.
func (s *server) upstream(c *config.Config, r config.Route, transport http.RoundTripper) (gateway.Upstream, error) {
	if url := c.UpstreamURL(r); url != "" {
		return gateway.NewHTTP(url, gateway.HTTPOptions{Transport: transport, MaxAnswer: r.MaxAnswer})
	}
	return gateway.NewProgram(r.Command, gateway.ProgramOptions{
		Processes: r.MaxConcurrent, Timeout: r.Timeout, MaxAnswer: r.MaxAnswer, Stderr: s.stderr,
	})
}

// transport is what asks the upstreams of c.
func (s *server) transport(c *config.Config) (http.RoundTripper, error) {
	outbound, err := certs.Client(c.Outbound.CA, c.Outbound.Cert, c.Outbound.Key, c.Outbound.ServerName)
	if err != nil {
		return nil, c.Fault("upstream-tls.ca", "%v", err)
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = outbound
	t.MaxIdleConns, t.MaxIdleConnsPerHost = 0, keptConnections
	if s.tracer == nil {
		return t, nil
	}
	return otelhttp.NewTransport(t, otelhttp.WithTracerProvider(s.tracer), otelhttp.WithPropagators(s.propagator)), nil
}

// keptConnections are those that an upstream may have open without a request.
const keptConnections = 256

// observer counts and logs what the routes of c do.
func (s *server) observer(c *config.Config, log *slog.Logger) gateway.Observer {
	o := gateway.Observer{
		Served:    func(_ *http.Request, served gateway.Served) { s.metrics.Served(served) },
		Exchanged: func(ctx context.Context, e gateway.Exchange) { s.metrics.Exchanged(ctx, e) },
	}
	if c.Log.Access {
		o.Served = func(r *http.Request, served gateway.Served) {
			s.metrics.Served(served)
			logAccess(log, r, served)
		}
	}
	return o
}

// upstreams gives the URLs of all upstreams, each once.
func upstreams(c *config.Config) (urls []string) {
	for _, r := range c.Routes {
		if u := c.UpstreamURL(r); u != "" && !slices.Contains(urls, u) {
			urls = append(urls, u)
		}
	}
	return urls
}

// readTokens gives the tokens in a file; nil if name is "".
func readTokens(name string) (tokens []string, err error) {
	if name == "" {
		return nil, nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			tokens = append(tokens, line)
		}
	}
	if len(tokens) == 0 {
		return nil, fmt.Errorf("%s holds no token: nobody could come in", name)
	}
	return tokens, nil
}

// Check builds what Run would serve with, and so finds what is wrong with the
// files that c names.
func Check(c *config.Config) error {
	s := &server{stderr: io.Discard, metrics: metrics.New(""), propagator: tracing.Propagator}
	p, err := s.build(c)
	if err != nil {
		return err
	}
	return p.handler.Shutdown(context.Background())
}
