// Package serve runs the gateway as a program: ports, configuration and its
// changes, metrics, log and traces, and the end.
package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/cmd/batcher/internal/certs"
	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
	"github.com/gobatcher/batcher/cmd/batcher/internal/metrics"
	"github.com/gobatcher/batcher/cmd/batcher/internal/tracing"
	"github.com/gobatcher/batcher/gateway"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Options say how to run. Load, Stderr and Version must be set.
type Options struct {
	Load    func() (*config.Config, error) // reads the configuration, the first time and again
	Path    string                         // of its file, to be watched; "" is none
	Stderr  io.Writer                      // the log
	Version string
	Reload  <-chan os.Signal // asks for a reload
}

// server is the gateway as a program.
type server struct {
	opts       Options
	stderr     io.Writer
	metrics    *metrics.Metrics
	tracer     trace.TracerProvider // nil: no traces
	propagator propagation.TextMapPropagator
	tls        certs.Server
	tokens     gateway.Tokens
	closed     atomic.Bool // draining
	swap       *gateway.Swap
	files      *watched
	kill       context.Context // ends all at once
	old        sync.WaitGroup  // handlers that finish what they have

	now   atomic.Pointer[parts]
	first *config.Config // what the ports were opened with
}

// Run serves until ctx ends, then lets accepted requests finish within the
// grace period, or until kill ends. It returns nil if all were answered. It
// fails at once where the configuration is wrong or a port is taken.
func Run(ctx, kill context.Context, opts Options) error {
	files, unwatched := watchFile(opts.Path) // before it is read, to miss nothing
	defer files.close()
	c, err := opts.Load()
	if err != nil {
		return err
	}
	s := &server{opts: opts, stderr: opts.Stderr, kill: kill, files: files, metrics: metrics.New(opts.Version), first: c, propagator: tracing.Propagator}
	if c.Tracing.Endpoint != "" {
		provider, err := tracing.Start(ctx, c.Tracing.Endpoint, c.Tracing.Ratio, opts.Version)
		if err != nil {
			return err
		}
		s.tracer = provider
		defer sendSpans(kill, provider)
	}
	p, err := s.build(c)
	if err != nil {
		return err
	}
	if unwatched != nil {
		p.log.Warn("files are not watched", "err", unwatched.Error())
	}
	s.swap = gateway.NewSwap(p.handler)
	s.metrics.Watch(func() map[string]batcher.Stats { return s.swap.Handler().Stats() })
	s.use(p)
	return s.run(ctx)
}

// sendTime is how long the end may wait for a collector of spans.
const sendTime = 5 * time.Second

// sendSpans sends what is left. Spans that do not get away are lost.
func sendSpans(kill context.Context, provider interface{ Shutdown(context.Context) error }) {
	ctx, cancel := context.WithTimeout(kill, sendTime)
	defer cancel()
	_ = provider.Shutdown(ctx)
}

func (s *server) run(ctx context.Context) error {
	ports, err := s.open()
	if err != nil {
		return errors.Join(err, s.swap.Handler().Shutdown(ctx))
	}
	ports.serve()
	s.now.Load().log.Info("serving", "address", ports.service.address(), "admin", ports.admin.address(), "version", s.opts.Version)
	for {
		select {
		case <-ctx.Done():
			return s.drain(ctx, ports)
		case err := <-ports.failed:
			return errors.Join(err, ports.close())
		case <-s.opts.Reload:
			s.reload()
		case <-s.files.changed():
			s.reload()
		}
	}
}

// drain ends it all: whoever was accepted is answered, whoever comes is told
// that it is too late.
func (s *server) drain(ctx context.Context, ports *ports) error {
	p := s.now.Load()
	s.closed.Store(true)
	grace, cancel := s.grace()
	defer cancel()
	p.log.Info("draining", "why", context.Cause(ctx).Error(), "grace", p.config.Grace.String())
	err := p.handler.Shutdown(grace)
	s.old.Wait()
	if err != nil {
		err = fmt.Errorf("requests were cut off: %w", err)
	}
	if err := ports.finish(grace); err != nil {
		p.log.Warn("connections were cut off", "err", err.Error())
	}
	p.log.Info("ended", "clean", err == nil)
	return err
}

// grace lasts as long as accepted requests may still take.
func (s *server) grace() (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(s.kill, s.now.Load().config.Grace, errGrace)
}

var errGrace = errors.New("the grace period is over")

// ready says why the gateway should get no requests, or nil.
func (s *server) ready(*http.Request) error {
	if s.closed.Load() {
		return errors.New("draining")
	}
	return s.now.Load().probe.Ready()
}
