package otelbatch_test

import (
	"context"
	"slices"
	"testing"

	"github.com/gobatcher/batcher/otelbatch"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// sdk keeps what is reported to it.
type sdk struct {
	t      *testing.T
	reader *metric.ManualReader
	spans  *tracetest.InMemoryExporter
	traces *sdktrace.TracerProvider
	meters *metric.MeterProvider
}

func newSDK(t *testing.T) *sdk {
	s := &sdk{t: t, reader: metric.NewManualReader(), spans: tracetest.NewInMemoryExporter()}
	s.traces = sdktrace.NewTracerProvider(sdktrace.WithSyncer(s.spans))
	s.meters = metric.NewMeterProvider(metric.WithReader(s.reader))
	return s
}

func (s *sdk) options() otelbatch.Options {
	return otelbatch.Options{MeterProvider: s.meters, TracerProvider: s.traces}
}

// telemetry is one named rows, with these attributes.
func (s *sdk) telemetry(attrs ...attribute.KeyValue) *otelbatch.Telemetry {
	s.t.Helper()
	opts := s.options()
	opts.Attributes = attrs
	t, err := otelbatch.New("rows", opts)
	if err != nil {
		s.t.Fatal(err)
	}
	return t
}

// caller returns a context with a span that records, of a caller of this name.
func (s *sdk) caller(name string) (context.Context, trace.Span) {
	return s.traces.Tracer("test").Start(context.Background(), name)
}

// ended returns the one span of this name that has ended.
func (s *sdk) ended(name string) tracetest.SpanStub {
	s.t.Helper()
	spans := slices.DeleteFunc(s.spans.GetSpans(), func(stub tracetest.SpanStub) bool { return stub.Name != name })
	if len(spans) != 1 {
		s.t.Fatalf("%d spans %q have ended, want 1", len(spans), name)
	}
	return spans[0]
}

// metrics collects, and gives all metrics by name.
func (s *sdk) metrics() map[string]metricdata.Metrics {
	s.t.Helper()
	var all metricdata.ResourceMetrics
	if err := s.reader.Collect(context.Background(), &all); err != nil {
		s.t.Fatal(err)
	}
	found := make(map[string]metricdata.Metrics)
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			found[m.Name] = m
		}
	}
	return found
}

// wantSums fails the test unless the metric has exactly these sums, or these
// values if it is a gauge.
func (s *sdk) wantSums(name string, want map[attribute.Set]int64) {
	s.t.Helper()
	var points []metricdata.DataPoint[int64]
	switch data := s.metrics()[name].Data.(type) {
	case metricdata.Sum[int64]:
		points = data.DataPoints
	case metricdata.Gauge[int64]:
		points = data.DataPoints
	}
	if len(points) != len(want) {
		s.t.Errorf("%s has %d points, want %d: %v", name, len(points), len(want), points)
	}
	for _, p := range points {
		if value, ok := want[p.Attributes]; !ok || value != p.Value {
			s.t.Errorf("%s: %d for %v, want %d (expected: %t)", name, p.Value, p.Attributes.ToSlice(), value, ok)
		}
	}
}

// wantHistogram fails the test unless the metric has one point, for these
// attributes, of count values that add up to sum.
func wantHistogram[N int64 | float64](s *sdk, name string, attrs attribute.Set, count uint64, sum N) {
	s.t.Helper()
	data, _ := s.metrics()[name].Data.(metricdata.Histogram[N])
	if len(data.DataPoints) != 1 {
		s.t.Fatalf("%s has %d points, want 1", name, len(data.DataPoints))
	}
	p := data.DataPoints[0]
	if p.Attributes != attrs || p.Count != count || p.Sum != sum {
		s.t.Errorf("%s: %d values of sum %v for %v, want %d of sum %v for %v",
			name, p.Count, p.Sum, p.Attributes.ToSlice(), count, sum, attrs.ToSlice())
	}
}

// rows returns attributes, given in pairs, beside the name of telemetry.
func rows(pairs ...string) attribute.Set {
	attrs := []attribute.KeyValue{attribute.String("batcher.name", "rows")}
	for pair := range slices.Chunk(pairs, 2) {
		attrs = append(attrs, attribute.String(pair[0], pair[1]))
	}
	return attribute.NewSet(attrs...)
}
