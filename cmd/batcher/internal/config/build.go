package config

import (
	"context"
	"errors"

	"github.com/gobatcher/batcher/cmd/batcher/internal/certs"
	"github.com/gobatcher/batcher/gateway"
)

// Off as an address switches the admin port off.
const Off = "off"

// Gateway converts the route to that of package gateway. Its errors are about the
// protocol only, and Load has found them before.
func (r Route) Gateway(upstream gateway.Upstream) (gateway.Route, error) {
	p, names := r.find()
	if names != nil {
		return gateway.Route{}, errors.New("no protocol " + r.Protocol)
	}
	made, err := p.make(r)
	if err != nil {
		return gateway.Route{}, err
	}
	return r.gateway(made, upstream), nil
}

// UpstreamURL returns the URL of the upstream of r, "" if that is a program.
func (c *Config) UpstreamURL(r Route) string {
	switch {
	case r.Protocol == exec:
		return ""
	case r.Upstream != "":
		return r.Upstream
	}
	return c.Upstream
}

// FilesFault returns err as a fault of the key ca if it is about authorities, and
// else of the key cert.
func (c *Config) FilesFault(cert, ca string, err error) Fault {
	name := cert
	if errors.As(err, new(certs.AuthoritiesError)) {
		name = ca
	}
	return c.Fault(name, "%v", err)
}

func (r Route) gateway(p gateway.Protocol, upstream gateway.Upstream) gateway.Route {
	return gateway.Route{
		Name: r.Label(), Pattern: r.Pattern, Protocol: p, Upstream: upstream,
		Headers: r.Headers, Refuse: r.Refuse, Isolate: r.Isolate,
		MaxItems: r.MaxItems, MinItems: r.MinItems, MaxConcurrent: r.MaxConcurrent,
		MaxWeight: r.MaxWeight, MaxBatchBytes: int(r.MaxBatchBytes),
		MaxPending: r.MaxPending, MaxPendingBytes: r.MaxPendingBytes, MaxBody: r.MaxBody,
		Delay: r.Delay, TargetTime: r.TargetTime, Timeout: r.Timeout,
	}
}

// checked is the upstream of a route that is only checked.
type checked struct{}

func (checked) Send(context.Context, gateway.Key, []byte) (gateway.Answer, error) {
	return gateway.Answer{}, errors.New("not an upstream")
}

func (checked) Close() error { return nil }
