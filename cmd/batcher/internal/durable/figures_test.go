package durable

import (
	"log/slog"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// docs/gateway.md lists exactly the metrics of queues that there are, and
// their names are of the usual kind.
func TestDocumentedFigures(t *testing.T) {
	text, err := os.ReadFile("../../../../docs/gateway.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, found := range regexp.MustCompile("(?m)^\\| `(batcher_(?:queue|dead|worker)_[a-z_]+)").FindAllStringSubmatch(string(text), -1) {
		documented = append(documented, found[1])
	}
	registry := prometheus.NewPedanticRegistry()
	link, later := open(t)
	registry.MustRegister(Figures(link, func() *Routes { return &Routes{} }, later))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var reported []string
	for _, family := range families {
		reported = append(reported, family.GetName())
	}
	slices.Sort(documented)
	if !slices.Equal(documented, reported) {
		t.Errorf("documented are %q\nreported are   %q", documented, reported)
	}
	problems, err := testutil.GatherAndLint(registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// open opens the queue of requests that nobody waits for, in a store.
func open(t *testing.T) (*Link, *Later) {
	t.Helper()
	c := config.Default()
	c.Store = t.TempDir()
	link, err := Open(t.Context(), c, func(slog.Level, string, string) {})
	if err != nil {
		t.Fatal(err)
	}
	later, err := NewLater(link, c, http.NotFoundHandler())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := later.Shutdown(t.Context()); err != nil && !strings.Contains(err.Error(), "canceled") {
			t.Error(err)
		}
		link.Close()
	})
	return link, later
}
