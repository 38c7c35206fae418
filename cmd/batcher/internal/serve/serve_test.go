package serve

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
	"github.com/gobatcher/batcher/cmd/batcher/internal/metrics"
	"github.com/gobatcher/batcher/gateway"
)

// slow is an upstream that answers after a while with what it is asked.
type slow struct {
	takes  time.Duration
	closed bool
}

func (s *slow) Send(ctx context.Context, _ gateway.Key, body []byte) (gateway.Answer, error) {
	select {
	case <-time.After(s.takes):
		return gateway.Answer{Status: http.StatusOK, Body: body}, nil
	case <-ctx.Done():
		return gateway.Answer{}, context.Cause(ctx)
	}
}

func (s *slow) Close() error {
	s.closed = true
	return nil
}

// asked is a server, not serving yet, with a request that its upstream takes so
// long to answer.
func asked(t *testing.T, takes time.Duration) (s *server, up *slow, status func() int) {
	t.Helper()
	up = &slow{takes: takes}
	handler, err := gateway.New([]gateway.Route{{Pattern: "/", Protocol: gateway.Exec{}, Upstream: up, Timeout: 2 * takes}}, gateway.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := config.Default()
	s = &server{first: c, kill: t.Context(), files: &watched{}, swap: gateway.NewSwap(handler), metrics: metrics.New("")}
	s.ending, s.endOld = context.WithCancelCause(s.kill)
	s.use(&parts{config: c, handler: handler, log: newLog(c.Log, io.Discard)})
	answer, answered := httptest.NewRecorder(), make(chan struct{})
	go func() {
		defer close(answered)
		s.swap.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/", strings.NewReader("1")))
	}()
	synctest.Wait()
	return s, up, func() int {
		<-answered
		return answer.Code
	}
}

// A port that fails, or cannot be opened, ends the program like a signal: what has
// been accepted has the grace period to be answered, and upstreams are closed.
func TestAFailedPortDrains(t *testing.T) {
	for why, run := range map[string]func(*testing.T, *server) error{
		"use of closed network connection": func(t *testing.T, s *server) error {
			listener := make(scripted)
			close(listener)
			return s.serve(t.Context(), &ports{service: &port{listener: listener, server: s.newServer(s.service())}, failed: make(chan error, 2)})
		},
		"missing port in address": func(t *testing.T, s *server) error {
			s.first.Listen = "no address"
			return s.run(t.Context())
		},
	} {
		for takes, want := range map[time.Duration]int{time.Second: http.StatusOK, time.Hour: http.StatusServiceUnavailable} {
			synctest.Test(t, func(t *testing.T) {
				s, up, status := asked(t, takes)
				if err := run(t, s); err == nil || !strings.Contains(err.Error(), why) {
					t.Errorf("got %v, want %s", err, why)
				}
				if got := status(); got != want {
					t.Errorf("%s: a request that takes %v gets %d, want %d", why, takes, got, want)
				}
				if !up.closed {
					t.Errorf("%s: the upstream is not closed", why)
				}
			})
		}
	}
}
