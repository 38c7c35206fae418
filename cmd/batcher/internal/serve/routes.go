package serve

import (
	"fmt"
	"net/http"
	"os/exec"
	"strings"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
	"github.com/gobatcher/batcher/cmd/batcher/internal/durable"
	"github.com/gobatcher/batcher/gateway"
	"github.com/gobatcher/batcher/otelbatch"
)

// maker makes the routes of one configuration.
type maker struct {
	s         *server
	c         *config.Config
	transport http.RoundTripper
	observer  gateway.Observer
	queues    *durable.Routes // nil: nothing is durable

	credentials http.Header // of the gateway, for upstreams; nil: the callers' are passed on
}

// handler makes the routes, their workers if there are queues, and the handler
// that serves them, which is nil for a worker.
func (m *maker) handler() (*gateway.Handler, error) {
	var routes []gateway.Route
	for i, r := range m.c.Routes {
		made, err := m.route(i, r)
		if err != nil { // no upstream has started anything yet
			return nil, err
		}
		routes = append(routes, made)
	}
	if m.s.opts.Worker {
		return nil, nil
	}
	opts := gateway.Options{Observer: m.observer}
	if m.c.Upstream != "" {
		fallback, err := gateway.NewHTTP(m.c.Upstream, gateway.HTTPOptions{Transport: m.transport, Header: m.credentials})
		if err != nil {
			return nil, m.c.Fault("upstream", "%v", err)
		}
		opts.Fallback = fallback
	}
	return gateway.New(routes, opts)
}

// route makes one route, which calls its upstream itself or through a queue.
func (m *maker) route(i int, r config.Route) (gateway.Route, error) {
	upstream, err := m.upstream(r)
	if err != nil {
		return gateway.Route{}, m.c.Fault(fmt.Sprintf("routes[%d].upstream", i), "%v", err)
	}
	if len(r.Command) > 0 && (m.c.Work || m.s.opts.Worker) { // else every batch would find out
		if err := runnable(r.Command); err != nil {
			return gateway.Route{}, m.c.Fault(fmt.Sprintf("routes[%d].command", i), "%v", err)
		}
	}
	made, err := r.Gateway(upstream)
	if err != nil {
		return gateway.Route{}, m.c.Fault(fmt.Sprintf("routes[%d].protocol", i), "%v", err)
	}
	traced, err := m.traced(r)
	if err != nil {
		return gateway.Route{}, err
	}
	made.Wrap = func(fn process) process { return m.s.metrics.Running(made.Name, traced(fn)) }
	if m.queues == nil {
		return made, nil
	}
	return m.queue(r, made)
}

// runnable returns why a command cannot be run, or nil. A name with a space in it
// most likely has the arguments in it.
func runnable(command []string) error {
	_, err := exec.LookPath(command[0])
	if err != nil && strings.Contains(command[0], " ") {
		return fmt.Errorf("%w; arguments are items of the list, or follow a comma", err)
	}
	return err
}

// queue puts a queue before the upstream of a route.
func (m *maker) queue(r config.Route, made gateway.Route) (gateway.Route, error) {
	first := m.s.first             // queues cannot change while the program runs
	limited := made.WithDefaults() // those of the protocol
	if m.s.opts.Worker || first.Work {
		if err := m.queues.Work(first, limited, m.observer); err != nil {
			return gateway.Route{}, err
		}
	}
	if m.s.opts.Worker {
		return made, nil
	}
	var err error
	if made.Dispatcher, err = m.queues.Dispatcher(first, limited); err != nil {
		return gateway.Route{}, err
	}
	// The worker owns its upstream, and closes it when it ends.
	if m.c.UpstreamURL(r) == "" {
		made.Upstream, made.Refuse = nil, true
		return made, nil
	}
	made.Upstream, err = m.upstream(r)
	return made, err
}

// process is what processes the batches of a route.
type process = batcher.Func[gateway.Item, gateway.Outcome]

// traced returns what makes the batches of a route traced, if there is a tracer.
func (m *maker) traced(r config.Route) (func(process) process, error) {
	if m.s.tracer == nil {
		return func(fn process) process { return fn }, nil
	}
	telemetry, err := otelbatch.New(r.Label(), otelbatch.Options{TracerProvider: m.s.tracer})
	if err != nil {
		return nil, err
	}
	return func(fn process) process { return otelbatch.Func(fn, telemetry) }, nil
}

// upstream makes the upstream of r. Nothing is started or connected yet.
func (m *maker) upstream(r config.Route) (gateway.Upstream, error) {
	if url := m.c.UpstreamURL(r); url != "" {
		return gateway.NewHTTP(url, gateway.HTTPOptions{Transport: m.transport, Header: m.credentials, MaxAnswer: r.MaxAnswer, Repeat: r.Isolate})
	}
	return gateway.NewProgram(r.Command, gateway.ProgramOptions{
		Processes: r.MaxConcurrent, Timeout: r.Timeout, MaxAnswer: r.MaxAnswer, Stderr: m.s.stderr,
	})
}
