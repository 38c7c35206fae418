package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"regexp"

	"github.com/gobatcher/batcher/cmd/batcher/internal/admin"
	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
	"github.com/gobatcher/batcher/gateway"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"golang.org/x/net/netutil"
)

// port is a port that is listened on; nil is none.
type port struct {
	listener net.Listener
	server   *http.Server
	secure   bool
	served   chan struct{} // closed when it accepts no more connections
	new      newcomers
}

func (p *port) address() string {
	if p == nil {
		return config.Off
	}
	return p.listener.Addr().String()
}

// ports are the service port and the admin port.
type ports struct {
	service, admin *port
	failed         chan error // why a port has stopped serving
}

// open listens on both, and does not serve yet.
func (s *server) open() (*ports, error) {
	p := &ports{failed: make(chan error, 2)}
	var err error
	if !s.opts.Worker {
		if p.service, err = s.openService(); err != nil {
			return nil, err
		}
	}
	if s.first.Admin.Listen == config.Off {
		return p, nil
	}
	listener, err := net.Listen("tcp", s.first.Admin.Listen)
	if err != nil {
		return nil, errors.Join(s.first.Fault("admin.listen", "%v", err), p.close())
	}
	p.admin = &port{listener: listener, server: s.newServer(admin.Handler(s.ready, s.metrics.Handler()))}
	return p, nil
}

func (s *server) openService() (*port, error) {
	c := s.first
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return nil, c.Fault("listen", "%v", err)
	}
	if c.Limits.Connections > 0 {
		listener = netutil.LimitListener(listener, c.Limits.Connections)
	}
	p := &port{listener: listener, server: s.newServer(s.service()), secure: c.TLS.Cert != ""}
	p.server.ConnContext = withConn
	p.server.Protocols = new(http.Protocols)
	p.server.Protocols.SetHTTP1(true)
	p.server.Protocols.SetHTTP2(true)
	p.server.Protocols.SetUnencryptedHTTP2(true) // by prior knowledge, as proxies and sidecars speak it
	// A deadline ends a stream, but only if that can be written; this ends a connection to which nothing can.
	p.server.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: streams, WriteByteTimeout: c.Limits.AnswerTime}
	p.server.ConnState = func(conn net.Conn, state http.ConnState) {
		p.new.changed(conn, state)
		switch state {
		case http.StateNew:
			s.metrics.Connected(1)
		case http.StateClosed, http.StateHijacked:
			s.metrics.Connected(-1)
		}
	}
	if p.secure {
		p.server.TLSConfig = s.tls.Config()
	}
	return p, nil
}

// streams are the most requests at once on a connection of HTTP/2.
const streams = 250

// service returns the handler of the service port, which asks for a token if there
// are tokens.
func (s *server) service() http.Handler {
	served := func(r *http.Request, served gateway.Served) { s.now.Load().observer.Served(r, served) }
	var open http.Handler = s.swap
	if s.later != nil {
		open = s.later.Handler(open, served)
	}
	s.tokens.Observer.Served = served
	guarded := s.traced(s.tokens.Require(open))
	open = s.traced(open)
	// Each frame counts here: see TestServeHTTP2WaitsOnSmallStacks.
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next := open
		if s.now.Load().tokens != nil {
			next = guarded
		}
		own, body := steady(w, r, s.first.Limits.BodyTime)
		defer body.end()
		s.steadily(next, w, own, body)
	})
}

// traced is h with a span for each request, if anything is traced.
func (s *server) traced(h http.Handler) http.Handler {
	if s.tracer == nil {
		return h
	}
	return otelhttp.NewHandler(h, "request", otelhttp.WithTracerProvider(s.tracer), otelhttp.WithPropagators(s.propagator))
}

func (s *server) newServer(handler http.Handler) *http.Server {
	limits := s.first.Limits
	return &http.Server{
		Handler:           handler,
		MaxHeaderBytes:    int(limits.Header),
		ReadHeaderTimeout: limits.HeaderTime,
		IdleTimeout:       limits.Idle,
		ErrorLog:          log.New(complaints{s}, "", 0),
	}
}

// complaints are what net/http says of connections: much of it is noise that
// strangers make, and is logged at level debug only, without what it quotes, which
// may be from a request.
type complaints struct{ s *server }

// grave complaints are of the gateway itself: it cannot accept a connection,
// having no file descriptor left for one, or it has panicked.
var grave = regexp.MustCompile(`^http2?: (Accept error|panic serving)`)

func (c complaints) Write(p []byte) (int, error) {
	level, text := slog.LevelError, bytes.TrimSpace(p)
	if !grave.Match(p) {
		level, text = slog.LevelDebug, unquoted(text)
	}
	c.s.now.Load().log.Log(context.Background(), level, "connection", "err", string(text))
	return len(p), nil
}

// serve serves until finish or close.
func (p *ports) serve() {
	for _, each := range p.all() {
		each.served = make(chan struct{})
		go func() {
			defer close(each.served)
			var err error
			if each.secure {
				err = each.server.ServeTLS(each.listener, "", "")
			} else {
				err = each.server.Serve(each.listener)
			}
			if !errors.Is(err, http.ErrServerClosed) {
				p.failed <- fmt.Errorf("%s: %w", each.address(), err)
			}
		}()
	}
}

func (p *ports) all() (all []*port) {
	for _, each := range []*port{p.service, p.admin} {
		if each != nil {
			all = append(all, each)
		}
	}
	return all
}

// finish closes both ports, the admin port last, once the answers under way have
// been sent, and connections that had been accepted have got theirs. When ctx
// ends, it cuts off the connections that are left.
func (p *ports) finish(ctx context.Context) error {
	if p.service == nil {
		return p.close()
	}
	_ = p.service.listener.Close() // Shutdown would, but by then nobody may be new
	<-p.service.served
	p.service.new.wait(ctx)
	err := p.service.server.Shutdown(ctx)
	return errors.Join(err, p.close())
}

func (p *ports) close() error {
	var errs []error
	for _, each := range p.all() {
		errs = append(errs, each.server.Close())
		_ = each.listener.Close() // the server has done it, if it served
	}
	return errors.Join(errs...)
}
