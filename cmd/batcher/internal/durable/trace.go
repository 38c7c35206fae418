package durable

import (
	"context"

	"github.com/gobatcher/batcher/cmd/batcher/internal/tracing"
	"github.com/gobatcher/batcher/natsbatch"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// traceparent is the name of the header that a queue carries for each request.
const traceparent = "traceparent"

// traceOf returns where in a trace a request comes from, sampled or not: a worker
// links its batch to that. It returns "" if there are no traces.
func traceOf(ctx context.Context) string {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return ""
	}
	header := propagation.MapCarrier{}
	tracing.Propagator.Inject(ctx, header)
	return header[traceparent]
}

// traced returns ctx in the trace of a request that came through a queue, which is in
// the context of that request.
func traced(ctx, request context.Context) context.Context {
	if meta, ok := natsbatch.MetaFrom(request); ok && meta.Trace != "" {
		return tracing.Propagator.Extract(ctx, propagation.MapCarrier{traceparent: meta.Trace})
	}
	return ctx
}
