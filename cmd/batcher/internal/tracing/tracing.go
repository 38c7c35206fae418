// Package tracing sends spans with OTLP over HTTP.
package tracing

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	api "go.opentelemetry.io/otel/trace"
)

// Propagator carries a trace from request to request (W3C Trace Context).
var Propagator = propagation.TraceContext{}

// Start returns a provider of tracers that sends their spans to the URL endpoint,
// to the usual path if it has none. What OTEL_SERVICE_NAME and
// OTEL_RESOURCE_ATTRIBUTES say of the program applies. Of the requests without a
// trace of their own it samples the share ratio. Shutdown of the provider sends
// what is left. failed is called with the reason why spans could not be sent, those
// of other providers too, and with what is wrong in variables, from the start on; it
// must be safe for concurrent use.
func Start(ctx context.Context, endpoint string, ratio float64, version string, failed func(error)) (*trace.TracerProvider, error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = "/v1/traces"
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(failed))
	otel.SetLogger(logr.New(complaints{failed}))
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(u.String()))
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	program, err := resource.Merge(resource.NewSchemaless(semconv.ServiceName("batcher"), semconv.ServiceVersion(version)), resource.Environment())
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	return trace.NewTracerProvider(
		trace.WithBatcher(legible{exporter}),
		trace.WithResource(program),
		trace.WithSampler(trace.ParentBased(roots{trace.TraceIDRatioBased(ratio)})),
	), nil
}

// roots samples spans without a parent. One with links is that of a batch, and is
// sampled if one of its callers' is, so that traces that are kept are whole.
type roots struct{ requests trace.Sampler }

func (r roots) ShouldSample(p trace.SamplingParameters) trace.SamplingResult {
	if len(p.Links) == 0 {
		return r.requests.ShouldSample(p)
	}
	for _, link := range p.Links {
		if link.SpanContext.IsSampled() {
			return trace.SamplingResult{Decision: trace.RecordAndSample, Tracestate: api.SpanContextFromContext(p.ParentContext).TraceState()}
		}
	}
	return trace.SamplingResult{Decision: trace.Drop}
}

func (r roots) Description() string {
	return "batches of callers that are sampled, else " + r.requests.Description()
}
