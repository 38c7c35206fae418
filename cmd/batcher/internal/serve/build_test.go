package serve

import (
	"net/http"
	"testing"

	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
)

// The environment puts no proxy between the gateway and its upstreams.
func TestUpstreamsAreAskedDirectly(t *testing.T) {
	made, err := (&server{}).transport(config.Default())
	if err != nil {
		t.Fatal(err)
	}
	if t1, ok := made.(*http.Transport); !ok || t1.Proxy != nil {
		t.Errorf("got %+v", made)
	}
}
