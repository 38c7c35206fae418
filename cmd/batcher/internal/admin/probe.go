package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	probeTime = time.Second // how long an upstream has to answer
	probeAge  = time.Second // how long an answer is valid
)

// Probe asks upstreams whether they are ready, only when Ready is called, and at
// most once a second. It is safe for concurrent use. Make one with NewProbe.
type Probe struct {
	upstreams []string
	path      string
	client    http.RoundTripper

	mu    sync.Mutex
	asked time.Time // guarded by mu
	found error     // guarded by mu
}

// NewProbe returns a Probe of the upstreams with these URLs. It gets path with
// client; if path is "", it only opens a connection.
func NewProbe(upstreams []string, path string, client http.RoundTripper) *Probe {
	return &Probe{upstreams: upstreams, path: path, client: client}
}

// Ready returns what is wrong with the upstreams, or nil. It waits a second at
// most.
func (p *Probe) Ready() error {
	p.mu.Lock()
	defer p.mu.Unlock() // calls at the same time get the same answer
	if time.Since(p.asked) < probeAge {
		return p.found
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTime)
	defer cancel()
	errs := make([]error, len(p.upstreams))
	var all sync.WaitGroup
	for i, upstream := range p.upstreams {
		all.Go(func() { errs[i] = p.ask(ctx, upstream) })
	}
	all.Wait()
	p.found, p.asked = errors.Join(errs...), time.Now()
	return p.found
}

func (p *Probe) ask(ctx context.Context, upstream string) error {
	u, err := url.Parse(upstream)
	if err != nil {
		return err
	}
	if p.path == "" {
		return dial(ctx, u)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.Scheme+"://"+u.Host+p.path, nil)
	if err != nil {
		return err
	}
	res, err := p.client.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("upstream %s: %w", u.Host, err)
	}
	_ = res.Body.Close() // it was not read
	if res.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("upstream %s: %s answered %s", u.Host, p.path, res.Status)
	}
	return nil
}

func dial(ctx context.Context, u *url.URL) error {
	port := u.Port()
	if port == "" {
		port = u.Scheme // a service name that net knows
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return fmt.Errorf("upstream %s: %w", u.Host, err)
	}
	return conn.Close()
}
