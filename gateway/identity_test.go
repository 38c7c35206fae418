package gateway_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gobatcher/batcher/gateway"
	"github.com/gobatcher/batcher/gateway/internal/conformance"
)

// names is an upstream that notes in whose name batches come.
type names struct {
	header string
	mu     sync.Mutex
	seen   map[string]int // batches
}

func (u *names) Send(_ context.Context, key gateway.Key, _ []byte) (gateway.Answer, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.seen[key.Header().Get(u.header)]++
	return gateway.Answer{Status: http.StatusTeapot}, nil
}

func (*names) Close() error { return nil }

// A header in which a service is told in whose name, on whose account or from
// which page a call is made keeps callers apart, and reaches the service.
func TestIdentitiesAreKeptApart(t *testing.T) {
	for header, c := range map[string]struct {
		protocol gateway.Protocol
		call     conformance.Request
	}{
		"Authorization":                      {gateway.JSONRPC{}, rpc(`{"jsonrpc":"2.0","method":"m","id":1}`)},
		"Origin":                             {gateway.JSONRPC{}, rpc(`{"jsonrpc":"2.0","method":"m","id":1}`)},
		"X-Api-Key":                          {gateway.JSONRPC{}, rpc(`{"jsonrpc":"2.0","method":"m","id":1}`)},
		"api-key":                            {gateway.OpenAIEmbeddings{}, embeddingsCall(`{"input":"a"}`)},
		"OpenAI-Organization":                {gateway.OpenAIEmbeddings{}, embeddingsCall(`{"input":"a"}`)},
		"OpenAI-Project":                     {gateway.OpenAIEmbeddings{}, embeddingsCall(`{"input":"a"}`)},
		"es-security-runas-user":             {gateway.ESBulk{}, es("PUT", "/t/_doc/1", `{}`)},
		"opendistro_security_impersonate_as": {gateway.ESBulk{}, es("PUT", "/t/_doc/1", `{}`)},
		"Seldon-Model":                       {gateway.OIPv2{}, infer(`{"inputs":[{"name":"a","shape":[1],"datatype":"INT8","data":[1]}]}`)},
		"Seldon-Internal-Model":              {gateway.OIPv2{}, infer(`{"inputs":[{"name":"a","shape":[1],"datatype":"INT8","data":[1]}]}`)},
	} {
		t.Run(header, func(t *testing.T) {
			up := &names{header: header, seen: map[string]int{}}
			h := newHandler(t, gateway.Route{Protocol: c.protocol, Upstream: up, Refuse: true, MinItems: 2, Delay: 20 * time.Millisecond}, gateway.Options{})
			var all sync.WaitGroup
			for _, who := range []string{"", "alice", "bob"} {
				call := c.call
				call.Header = http.Header{"Content-Type": {"application/json"}}
				if who != "" {
					call.Header.Set(header, who)
				}
				all.Go(func() {
					if got := directly(h, call); got.Code != http.StatusTeapot {
						t.Errorf("status %d: %s", got.Code, got.Body)
					}
				})
			}
			all.Wait()
			if up.seen[""] != 1 || up.seen["alice"] != 1 || up.seen["bob"] != 1 {
				t.Errorf("batches by name: %v, want one each", up.seen)
			}
		})
	}
}
