// Package metrics counts what the gateway does, for Prometheus.
package metrics

import (
	"context"
	"net/http"
	"strconv"
	"sync/atomic"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/gateway"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the metrics of one program. They are safe for concurrent use. Make
// them with New.
type Metrics struct {
	registry *prometheus.Registry

	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
	queued   *prometheus.HistogramVec
	received *prometheus.CounterVec
	sent     *prometheus.CounterVec
	batches  *prometheus.CounterVec
	sizes    *prometheus.HistogramVec
	upstream *prometheus.HistogramVec
	running  *prometheus.GaugeVec
	reloads  *prometheus.CounterVec
	reloaded prometheus.Gauge
	conns    prometheus.Gauge

	stats atomic.Pointer[func() map[string]batcher.Stats]
	usual atomic.Pointer[map[string]*usual] // by route; never nil, and the map never changes
}

var (
	seconds = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300}
	items   = []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384}
)

// New returns the Metrics of a program of this version.
func New(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.usual.Store(&map[string]*usual{})
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.requests = m.counter("requests_total", "Requests by what their callers were told; passed says whether they were no calls, and so passed through or answered with 404. Code 499: the caller had left.", "route", "code", "passed")
	m.took = m.histogram("request_duration_seconds", "From a request that waits for a batch to its answer.", seconds, "route")
	m.queued = m.histogram("request_queue_seconds", "How much of that was not spent in the upstream.", seconds, "route")
	m.received = m.counter("request_bytes_total", "Bytes of batched requests' bodies.", "route")
	m.sent = m.counter("response_bytes_total", "Bytes of their answers' bodies.", "route")
	m.batches = m.counter("batches_total", "Upstream calls by what started the batch, and the upstream's status; 0: no answer.", "route", "trigger", "status")
	m.sizes = m.histogram("batch_items", "Items in an upstream call.", items, "route")
	m.upstream = m.histogram("upstream_duration_seconds", "From sending a batch to the whole answer.", seconds, "route")
	m.running = prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: "batches_running", Help: "Batches for which the upstream is being asked by this process."}, []string{"route"})
	m.reloads = m.counter("config_reloads_total", "Attempts to read the configuration again.", "ok")
	for _, ok := range []bool{true, false} { // from the start, so that the first counts as an increase
		m.reloads.WithLabelValues(strconv.FormatBool(ok))
	}
	m.reloaded = m.gauge("config_last_success_timestamp_seconds", "When the configuration in use was read.")
	m.conns = m.gauge("connections", "Connections to the service port.")
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: "build_info", Help: "1, for the version that is running."}, []string{"version"})
	info.WithLabelValues(version).Set(1)
	m.registry.MustRegister(info, m.running, &pending{m: m})
	m.reloaded.SetToCurrentTime()
	return m
}

const namespace = "batcher"

func (m *Metrics) counter(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	m.registry.MustRegister(c)
	return c
}

func (m *Metrics) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
	m.registry.MustRegister(h)
	return h
}

func (m *Metrics) gauge(name, help string) prometheus.Gauge {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help})
	m.registry.MustRegister(g)
	return g
}

// Handler returns a handler that answers with all metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

// Add also reports what c collects.
func (m *Metrics) Add(c prometheus.Collector) { m.registry.MustRegister(c) }

// Served counts a request.
func (m *Metrics) Served(s gateway.Served) {
	if s.Status == http.StatusOK && !s.Passed && s.Route != "" && !atDoor(s) {
		m.usualOf(s.Route).count(s)
		return
	}
	m.requests.WithLabelValues(s.Route, strconv.Itoa(s.Status), strconv.FormatBool(s.Passed)).Inc()
	if s.Passed || s.Route == "" {
		return
	}
	m.received.WithLabelValues(s.Route).Add(float64(s.In))
	m.sent.WithLabelValues(s.Route).Add(float64(s.Out))
	if atDoor(s) {
		return
	}
	m.took.WithLabelValues(s.Route).Observe(s.Took.Seconds())
	m.queued.WithLabelValues(s.Route).Observe(s.Queued.Seconds())
}

// atDoor reports whether a request was refused without having waited for a batch.
// It must not count with those that have waited: it would make them look quick.
func atDoor(s gateway.Served) bool {
	none := len(s.Batches) == 0
	return s.Items == 0 || none && (s.Status == http.StatusTooManyRequests || s.Status == http.StatusRequestEntityTooLarge)
}

// Running returns fn, which processes the batches of a route, so that those that are
// being processed are counted.
func (m *Metrics) Running(route string, fn batcher.Func[gateway.Item, gateway.Outcome]) batcher.Func[gateway.Item, gateway.Outcome] {
	running := m.running.WithLabelValues(route)
	return func(ctx context.Context, items []gateway.Item) ([]gateway.Outcome, error) {
		running.Inc()
		defer running.Dec()
		return fn(ctx, items)
	}
}

// Exchanged counts an upstream call.
func (m *Metrics) Exchanged(_ context.Context, e gateway.Exchange) {
	m.batches.WithLabelValues(e.Route, e.Batch.Trigger.String(), strconv.Itoa(e.Status)).Inc()
	m.sizes.WithLabelValues(e.Route).Observe(float64(e.Batch.Size))
	m.upstream.WithLabelValues(e.Route).Observe(e.Batch.Upstream.Seconds())
}

// Reloaded counts an attempt to read the configuration again.
func (m *Metrics) Reloaded(err error) {
	m.reloads.WithLabelValues(strconv.FormatBool(err == nil)).Inc()
	if err == nil {
		m.reloaded.SetToCurrentTime()
	}
}

// Connected counts connections: n is 1 when one opens, and -1 when one closes.
func (m *Metrics) Connected(n int) { m.conns.Add(float64(n)) }

// Watch reports what stats returns, the counters of each route by name.
func (m *Metrics) Watch(stats func() map[string]batcher.Stats) { m.stats.Store(&stats) }
