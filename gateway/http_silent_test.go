package gateway_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher/gateway"
)

// pipes is a network with one listener.
type pipes struct {
	conns chan net.Conn
	end   sync.Once
	lost  atomic.Bool // what arrives on connections that exist is lost, as on the way to a machine that has died
}

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	p.lost.Store(false)
	p.conns <- lossy{theirs, &p.lost}
	return ours, nil
}

func (p *pipes) Accept() (net.Conn, error) {
	if conn, ok := <-p.conns; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}

func (p *pipes) Close() error {
	p.end.Do(func() { close(p.conns) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

type lossy struct {
	net.Conn
	lost *atomic.Bool
}

func (l lossy) Read(p []byte) (int, error) {
	for {
		if n, err := l.Conn.Read(p); err != nil || !l.lost.Load() {
			return n, err
		}
	}
}

// An upstream that dies without a word costs the batches of half a minute, not all
// that follow: with HTTP/2 they would share its connection.
func TestHTTP2UpstreamFallsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := &pipes{conns: make(chan net.Conn, 1)}
		stub := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.ProtoMajor != 2 {
				t.Errorf("asked by %s", r.Proto)
			}
			if r.URL.Path == "/slow" {
				time.Sleep(10*time.Minute + time.Second) // not at the instant of a ping
			}
		}))
		_ = stub.Listener.Close()
		stub.Listener, stub.EnableHTTP2 = network, true
		stub.StartTLS()
		defer stub.Close()
		u, err := gateway.NewHTTP("https://example.com", gateway.HTTPOptions{})
		if err != nil {
			t.Fatal(err)
		}
		u.Transport().DialContext = network.dial
		u.Transport().TLSClientConfig = stub.Client().Transport.(*http.Transport).TLSClientConfig
		defer u.Close()

		if _, err := u.Send(t.Context(), gateway.Key{Method: "POST", Path: "/slow"}, nil); err != nil {
			t.Errorf("a slow answer: %v", err)
		}
		network.lost.Store(true)
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := u.Send(ctx, gateway.Key{Method: "POST", Path: "/"}, nil); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a batch that is lost: %v", err)
		}
		if took := time.Since(start); took != 30*time.Second {
			t.Errorf("a batch that is lost failed after %s, want 30s", took)
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := u.Send(ctx, gateway.Key{Method: "POST", Path: "/"}, nil); err != nil {
			t.Errorf("the next batch: %v", err)
		}
	})
}
