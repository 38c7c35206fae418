// Package serve runs the gateway as a program: ports, configuration and its
// changes, metrics, log and traces, and the end.
package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/cmd/batcher/internal/certs"
	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
	"github.com/gobatcher/batcher/cmd/batcher/internal/durable"
	"github.com/gobatcher/batcher/cmd/batcher/internal/metrics"
	"github.com/gobatcher/batcher/cmd/batcher/internal/once"
	"github.com/gobatcher/batcher/cmd/batcher/internal/tracing"
	"github.com/gobatcher/batcher/gateway"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Options are the options of Run. Load, Stderr and Version must be set.
type Options struct {
	Load    func() (*config.Config, error) // reads the configuration, the first time and again
	Path    string                         // of its file, to be watched; "" is none
	Stderr  io.Writer                      // the log, and what programs say
	Version string
	Unread  []string         // environment variables that set nothing, to be warned of
	Reload  <-chan os.Signal // asks for a reload
	Worker  bool             // only process what is in the queues; no service port
}

// server is the gateway as a program.
type server struct {
	opts       Options
	stderr     io.Writer // of programs
	lines      *lines    // on Options.Stderr
	metrics    *metrics.Metrics
	tracer     trace.TracerProvider // nil: no traces
	propagator propagation.TextMapPropagator
	tls        certs.Server
	tokens     gateway.Tokens
	closed     atomic.Bool   // about to drain, or draining
	swap       *gateway.Swap // nil for a worker
	link       *durable.Link // nil: nothing is durable
	later      *durable.Later
	health     health // of the queues
	files      *watched
	once       once.Files
	kill       context.Context // ends all at once
	old        old             // handlers that finish what they have
	ending     context.Context // ends when those must
	endOld     context.CancelCauseFunc

	now   atomic.Pointer[parts]
	first *config.Config // what the ports were opened with
}

// ErrCutOff means that requests were cut off at the end. It has been logged.
var ErrCutOff = errors.New("requests were cut off")

// Run serves until ctx ends, then lets accepted requests finish within the
// grace period, or until kill ends. It returns nil if all were answered, else ErrCutOff,
// and the cause of ctx if that ended before it served. It fails at once if the
// configuration is wrong or a port is taken. If a port stops serving, it ends as if
// ctx had ended, and returns why.
func Run(ctx, kill context.Context, opts Options) (err error) {
	serving := false
	defer func() {
		if err != nil && !serving && ctx.Err() != nil {
			err = context.Cause(ctx) // which is what led to the error
		}
	}()
	defer runtime.KeepAlive(reserve())
	files, unwatched := watchFile(opts.Path) // before it is read, to miss nothing
	defer files.close()
	c, err := opts.Load()
	if err != nil {
		return err
	}
	s := &server{opts: opts, stderr: opts.Stderr, lines: &lines{out: opts.Stderr}, kill: kill, files: files, metrics: metrics.New(opts.Version), first: c, propagator: tracing.Propagator}
	s.lines.lost = s.lost
	if _, ok := s.stderr.(*os.File); !ok {
		s.stderr = s.lines // one Write at a time
	}
	defer s.lines.flush()
	s.ending, s.endOld = context.WithCancelCause(kill)
	defer s.endOld(nil)
	defer s.adopt()()
	if c.Tracing.Endpoint != "" {
		provider, err := tracing.Start(ctx, c.Tracing.Endpoint, c.Tracing.Ratio, opts.Version, s.untraced)
		if err != nil {
			return err
		}
		s.tracer = provider
		defer s.sendSpans(provider)
	}
	if c.Durable() {
		if s.link, err = durable.Open(ctx, c, s.told); err != nil {
			return err
		}
		defer s.link.Close()
	} else if opts.Worker {
		return c.Fault("nats", "a worker needs it, to know where the queues are")
	}
	_ = s.watch(c) // begin tells what is not watched
	p, err := s.build(c)
	if err != nil {
		s.old.all.Wait() // for what workers have taken meanwhile
		return err
	}
	if unwatched != nil {
		p.log.Warn("files are not watched", "err", unwatched.Error())
	}
	if err := s.begin(p); err != nil {
		return err
	}
	serving = true
	return s.run(ctx)
}

// begin makes all that serving p needs, except for the ports.
func (s *server) begin(p *parts) (err error) {
	if !s.opts.Worker {
		s.swap = gateway.NewSwap(p.handler)
		s.metrics.Watch(func() map[string]batcher.Stats { return s.old.stats(s.swap) })
	}
	s.use(p)
	if s.link == nil {
		return nil
	}
	if !s.opts.Worker {
		if s.later, err = durable.NewLater(s.link, s.first, s.swap); err != nil {
			grace, cancel := s.grace()
			defer cancel()
			return errors.Join(err, p.shutdown(grace))
		}
	}
	s.metrics.Add(durable.Figures(s.link, func() *durable.Routes { return s.now.Load().queues }, s.later))
	return nil
}

// sendTime is how long the end may wait for a collector of spans.
const sendTime = 5 * time.Second

// sendSpans sends the spans that are left. Those that cannot be sent are lost.
func (s *server) sendSpans(provider interface{ Shutdown(context.Context) error }) {
	ctx, cancel := context.WithTimeout(s.kill, sendTime)
	defer cancel()
	if err := provider.Shutdown(ctx); err != nil {
		s.log().Warn("the last spans were not sent", "err", err.Error())
	}
}

func (s *server) run(ctx context.Context) error {
	ports, err := s.open()
	if err != nil {
		grace, cancel := s.grace()
		defer cancel()
		return errors.Join(err, s.end(grace))
	}
	return s.serve(ctx, ports)
}

// serve serves until ctx ends or a port fails, and drains.
func (s *server) serve(ctx context.Context, ports *ports) error {
	ports.serve()
	s.now.Load().log.Info("serving", "address", ports.service.address(), "admin", ports.admin.address(), "version", s.opts.Version)
	for _, name := range s.opts.Unread {
		s.now.Load().log.Warn("an environment variable sets nothing", "name", name)
	}
	if s.link != nil {
		s.now.Load().log.Info("durable", "store", s.first.Store, "queue", s.link.URL())
	}
	for {
		select {
		case <-ctx.Done():
			return s.drain(context.Cause(ctx), ports)
		case err := <-ports.failed:
			_ = s.drain(err, ports) // which has logged it
			return err
		case <-s.opts.Reload:
			s.reload()
		case <-s.files.changed():
			s.reload()
		}
	}
}

// drain ends the program: requests that were accepted are answered, and those that
// arrive, once drain-delay is over, are refused.
func (s *server) drain(why error, ports *ports) error {
	p := s.now.Load()
	s.closed.Store(true)
	if delay := p.config.DrainDelay; delay > 0 && ports.service != nil {
		p.log.Info("not ready any more", "why", why.Error(), "drain-delay", delay.String())
		select {
		case <-time.After(delay):
		case <-s.kill.Done():
		}
	}
	grace, cancel := s.grace()
	defer cancel()
	p.log.Info("draining", "why", why.Error(), "grace", p.config.Grace.String())
	err := s.end(grace)
	rest := writeTime
	if over, ok := grace.Deadline(); ok {
		rest = max(rest, time.Until(over))
	}
	writing, stop := context.WithTimeout(s.kill, rest)
	defer stop()
	if err := ports.finish(writing); err != nil {
		p.log.Warn("connections were cut off", "err", err.Error())
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrCutOff, err)
		p.log.Error("ended", "clean", false, "err", err.Error())
		return err
	}
	p.log.Info("ended", "clean", true)
	return nil
}

// writeTime is left to send the last answers, if need be beyond the grace period:
// those to the batches that its end aborts are only made then.
const writeTime = time.Second

// end ends all work, that for which nobody waits at the same time as that for
// callers, so that callers that arrive meanwhile are refused at once.
func (s *server) end(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { s.endOld(context.Cause(ctx)) })
	defer stop()
	later := make(chan error, 1)
	go func() { later <- s.endLater(ctx) }()
	err := s.now.Load().shutdown(ctx)
	for _, late := range []error{<-later, s.old.wait()} {
		if err == nil { // else it says the same
			err = late
		}
	}
	return err
}

// endLater ends the work for which nobody waits, if there can be any. What is
// not served yet when the handler refuses it stays in the queue.
func (s *server) endLater(ctx context.Context) error {
	if s.later == nil {
		return nil
	}
	return s.later.Shutdown(ctx)
}

// grace lasts as long as accepted requests may still take.
func (s *server) grace() (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(s.kill, s.now.Load().config.Grace, errGrace)
}

var errGrace = errors.New("the grace period is over")
