package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/cmd/batcher/internal/metrics"
	"github.com/gobatcher/batcher/gateway"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// scrape gives what is reported after everything has happened once.
func scrape(t *testing.T) string {
	t.Helper()
	m := metrics.New("v1")
	m.Served(gateway.Served{Route: "sum", Status: 200, Items: 2, In: 10, Out: 20, Took: 30 * time.Millisecond, Queued: 10 * time.Millisecond})
	m.Served(gateway.Served{Route: "", Status: 404, Passed: true})
	m.Served(gateway.Served{Route: "", Status: 401, Out: 5})
	for status, items := range map[int]int{429: 1, 413: 1, 400: 0, 503: 0} { // refused at once
		m.Served(gateway.Served{Route: "sum", Status: status, Items: items, Took: time.Second})
	}
	m.Served(gateway.Served{Route: "busy", Status: 429, Items: 1, Batches: []*gateway.Batch{{}}})
	m.Served(gateway.Served{Route: "busy", Status: 504, Items: 1})
	m.Exchanged(t.Context(), gateway.Exchange{Route: "sum", Status: 200, Batch: gateway.Batch{Size: 2, Trigger: batcher.TriggerDelay, Upstream: 20 * time.Millisecond}})
	m.Exchanged(t.Context(), gateway.Exchange{Route: "sum", Batch: gateway.Batch{Size: 3, Trigger: batcher.TriggerSize}})
	m.Reloaded(nil)
	m.Reloaded(errors.New("no"))
	m.Connected(1)
	m.Running("sum", nil)
	m.Watch(func() map[string]batcher.Stats { return map[string]batcher.Stats{"sum": {Pending: 7}} })
	return body(m)
}

func body(m *metrics.Metrics) string {
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

// reports checks that got holds all these lines.
func reports(t *testing.T, got string, lines ...string) {
	t.Helper()
	for _, want := range lines {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("%s is not reported in\n%s", want, got)
		}
	}
}

func TestMetrics(t *testing.T) {
	got := scrape(t)
	reports(t, got,
		`batcher_requests_total{code="200",passed="false",route="sum"} 1`,
		`batcher_requests_total{code="404",passed="true",route=""} 1`,
		`batcher_requests_total{code="401",passed="false",route=""} 1`,
		`batcher_requests_total{code="429",passed="false",route="sum"} 1`,
		`batcher_request_duration_seconds_sum{route="sum"} 0.03`,
		`batcher_request_duration_seconds_count{route="sum"} 1`,
		`batcher_request_queue_seconds_count{route="sum"} 1`,
		`batcher_request_duration_seconds_count{route="busy"} 2`,
		`batcher_request_queue_seconds_bucket{route="sum",le="0.01"} 1`,
		`batcher_request_bytes_total{route="sum"} 10`,
		`batcher_response_bytes_total{route="sum"} 20`,
		`batcher_batches_total{route="sum",status="200",trigger="delay"} 1`,
		`batcher_batches_total{route="sum",status="0",trigger="size"} 1`,
		`batcher_batch_items_sum{route="sum"} 5`,
		`batcher_upstream_duration_seconds_sum{route="sum"} 0.02`,
		`batcher_items_pending{route="sum"} 7`,
		`batcher_config_reloads_total{ok="true"} 1`,
		`batcher_config_reloads_total{ok="false"} 1`,
		`batcher_connections 1`,
		`batcher_build_info{version="v1"} 1`,
	)
}

func TestRunningBatches(t *testing.T) {
	m := metrics.New("v1")
	fn := m.Running("sum", func(context.Context, []gateway.Item) ([]gateway.Outcome, error) {
		reports(t, body(m), `batcher_batches_running{route="sum"} 1`)
		panic("ends it too")
	})
	reports(t, body(m), `batcher_batches_running{route="sum"} 0`)
	func() {
		defer func() { _ = recover() }()
		_, _ = fn(t.Context(), nil)
		t.Error("it did not run")
	}()
	reports(t, body(m), `batcher_batches_running{route="sum"} 0`)
}

// A counter that appears with its first event has not increased, as far as
// Prometheus can see, and an alert would miss it.
func TestReloadsAreCountedFromZero(t *testing.T) {
	reports(t, body(metrics.New("v1")), `batcher_config_reloads_total{ok="false"} 0`, `batcher_config_reloads_total{ok="true"} 0`)
}

// What alerts are made of is there before it happens, for the same reason, and stays as
// it is when a reload expects it again.
func TestFailuresAreCountedFromZero(t *testing.T) {
	m := metrics.New("v1")
	m.Expect("sum", true)
	m.Served(gateway.Served{Route: "sum", Status: 502, Items: 1, Batches: []*gateway.Batch{{}}})
	m.Expect("sum", true)
	m.Expect("", false)
	got := body(m)
	reports(t, got,
		`batcher_requests_total{code="200",passed="false",route="sum"} 0`,
		`batcher_requests_total{code="429",passed="false",route="sum"} 0`,
		`batcher_requests_total{code="500",passed="true",route="sum"} 0`,
		`batcher_requests_total{code="502",passed="false",route="sum"} 1`,
		`batcher_requests_total{code="503",passed="false",route="sum"} 0`,
		`batcher_requests_total{code="504",passed="true",route=""} 0`,
		`batcher_request_queue_seconds_bucket{route="sum",le="1"} 1`,
	)
	if strings.Contains(got, `batcher_request_queue_seconds_count{route=""}`) {
		t.Error("requests that match no route are reported as calls")
	}
}

// Quantiles are right for quick upstreams, slow ones and large batches: all that lies
// beyond the last bound is taken for that bound.
func TestBoundsOfHistograms(t *testing.T) {
	m := metrics.New("v1")
	for upstream, size := range map[time.Duration]int{200 * time.Microsecond: 3000, 40 * time.Second: 10_000, 4 * time.Minute: 10_000} {
		m.Exchanged(t.Context(), gateway.Exchange{Route: "sum", Status: 200, Batch: gateway.Batch{Size: size, Upstream: upstream}})
	}
	got := body(m)
	reports(t, got,
		`batcher_upstream_duration_seconds_bucket{route="sum",le="0.0001"} 0`,
		`batcher_upstream_duration_seconds_bucket{route="sum",le="0.00025"} 1`,
		`batcher_upstream_duration_seconds_bucket{route="sum",le="60"} 2`,
		`batcher_upstream_duration_seconds_bucket{route="sum",le="300"} 3`,
		`batcher_batch_items_bucket{route="sum",le="4096"} 1`,
		`batcher_batch_items_bucket{route="sum",le="16384"} 3`,
	)
}

// No request is lost where the first of several routes come at once, and what a
// request did not count in is not reported.
func TestUsualRequests(t *testing.T) {
	m := metrics.New("v1")
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			m.Served(gateway.Served{Route: strconv.Itoa(i % 4), Status: 200, Items: 1, In: 2, Out: 3, Took: time.Second, Queued: time.Second})
		})
	}
	all.Wait()
	m.Served(gateway.Served{Route: "none", Status: 504, Items: 1})
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	got := w.Body.String()
	for i := range 4 {
		for _, want := range []string{`requests_total{code="200",passed="false",route="%d"} 10`, `request_bytes_total{route="%d"} 20`, `response_bytes_total{route="%d"} 30`,
			`request_duration_seconds_count{route="%d"} 10`, `request_queue_seconds_sum{route="%d"} 10`} {
			if want := fmt.Sprintf("batcher_"+want+"\n", i); !strings.Contains(got, want) {
				t.Errorf("no %s in\n%s", want, got)
			}
		}
	}
	if strings.Contains(got, `code="200",passed="false",route="none"`) {
		t.Errorf("an answer that was not given is reported in\n%s", got)
	}
}

func TestNamesAreUsual(t *testing.T) {
	problems, err := promlint.New(strings.NewReader(scrape(t))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// docs/gateway.md lists exactly the metrics that there are.
func TestDocumentedMetrics(t *testing.T) {
	text, err := os.ReadFile("../../../../docs/gateway.md")
	if err != nil {
		t.Fatal(err)
	}
	names := func(pattern, in string) (all []string) {
		for _, found := range regexp.MustCompile(pattern).FindAllStringSubmatch(in, -1) {
			all = append(all, found[1])
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	all := names("(?m)^\\| `(batcher_[a-z_]+)", string(text))
	// Those of queues are package durable's.
	documented := slices.DeleteFunc(all, regexp.MustCompile("^batcher_(queue|dead|worker)_").MatchString)
	reported := names(`(?m)^# TYPE (batcher_\w+)`, scrape(t))
	if !slices.Equal(documented, reported) {
		t.Errorf("documented are %q\nreported are   %q", documented, reported)
	}
}
