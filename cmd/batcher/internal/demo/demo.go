// Package demo shows what the gateway gains, with nothing installed: the same
// load on a stub upstream, without a gateway and with one.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gobatcher/batcher/gateway"
)

// path is that of all requests of the load.
const path = "/v1/models/sum:predict"

// Config is what Run shows. All fields must be set.
type Config struct {
	Cost     Cost
	Callers  int           // on each side, each with one request at a time
	Seconds  int           // how long, with a line for each
	MaxItems int           // in a batch
	Listen   string        // address of the gateway
	Keep     bool          // go on serving until ctx ends
	Out      io.Writer     // where the lines go
	Tick     time.Duration // how long a second takes
}

// Run shows what cfg says and returns nil, even if ctx ends before. Its errors are
// those of listening. Nothing is left running when it returns.
func Run(ctx context.Context, cfg Config) error {
	var up servers
	defer up.close()
	without, with := &stub{cost: cfg.Cost}, &stub{cost: cfg.Cost}
	direct, err := up.serve("127.0.0.1:0", without)
	if err != nil {
		return err
	}
	behind, err := up.serve("127.0.0.1:0", with)
	if err != nil {
		return err
	}
	handler, err := newGateway(behind, cfg.MaxItems)
	if err != nil {
		return err
	}
	front, err := up.serve(cfg.Listen, handler)
	if err != nil {
		return err
	}
	sides := [2]*side{
		{load: newLoad(direct, cfg.Callers), stub: without},
		{load: newLoad(front, cfg.Callers), stub: with},
	}
	cfg.compare(ctx, sides)
	if cfg.Keep && ctx.Err() == nil {
		cfg.hint(front, direct)
		<-ctx.Done()
	}
	return nil
}

func newGateway(upstream string, maxItems int) (*gateway.Handler, error) {
	to, err := gateway.NewHTTP(upstream, gateway.HTTPOptions{})
	if err != nil {
		return nil, err
	}
	route := gateway.Route{Pattern: "/", Protocol: gateway.NewKServeV1(), Upstream: to, MaxItems: maxItems}
	return gateway.New([]gateway.Route{route}, gateway.Options{})
}

// compare runs both loads and prints a line for each second, and the summary.
func (c Config) compare(ctx context.Context, sides [2]*side) {
	fmt.Fprintf(c.Out, "Two stub upstreams: a call costs %v and %v more for each item, one call at a time.\n", c.Cost.Call, c.Cost.Item)
	fmt.Fprintf(c.Out, "%d callers on each side, with one request at a time, of one item each.\n\n", c.Callers)
	t := table{c.Out}
	t.head()
	loadCtx, stop := context.WithCancel(ctx)
	defer stop()
	var loads sync.WaitGroup
	for _, s := range sides {
		loads.Go(func() { s.load.run(loadCtx, c.Callers) })
	}
	last := time.Now()
	ticks := time.NewTicker(c.Tick)
	defer ticks.Stop()
	for second := 1; second <= c.Seconds && ctx.Err() == nil; second++ {
		select {
		case <-ticks.C:
		case <-ctx.Done():
		}
		now := time.Now()
		over := now.Sub(last)
		last = now
		without, with := sides[0].take(over), sides[1].take(over)
		if ctx.Err() == nil && t.row(second, without, with) != nil {
			break // the reader has gone away
		}
	}
	stop()
	loads.Wait()
	t.summary(sides[0].all, sides[1].all)
}

// hint says how to play with the gateway that is kept.
func (c Config) hint(front, direct string) {
	fmt.Fprintf(c.Out, "\nThe gateway goes on, at %s; the upstream without it is %s. Try it from another terminal:\n\n", front, direct)
	fmt.Fprintf(c.Out, "  curl -i %s%s -d '{\"instances\": [[1, 2, 3.5]]}'\n\nCtrl-C ends it.\n", front, path)
}

// servers are HTTP servers to be closed together.
type servers struct{ all []*http.Server }

// serve serves at address and returns the URL.
func (s *servers) serve(address string, handler http.Handler) (url string, err error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	s.all = append(s.all, server)
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			panic(err) // a listener on loopback does not fail
		}
	}()
	return "http://" + listener.Addr().String(), nil
}

func (s *servers) close() {
	for _, server := range s.all {
		_ = server.Close() // cuts off what is left
	}
}
