package otelbatch

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// batchSpan is the span of one call.
type batchSpan struct{ trace.Span }

// startSpan starts the span of c, links it with those of its callers in both
// directions, and returns a context that holds it.
func (t *Telemetry) startSpan(ctx context.Context, c *call) (context.Context, batchSpan) {
	callers := callersOf(c.info.Requests)
	ctx, span := t.tracer.Start(ctx, "batch "+t.name,
		trace.WithNewRoot(), trace.WithTimestamp(c.began), trace.WithLinks(t.links(callers)...), trace.WithAttributes(t.attrs...))
	link := trace.Link{SpanContext: span.SpanContext()}
	if link.SpanContext.IsValid() {
		for _, caller := range callers {
			caller.AddLink(link) // does nothing unless it records
		}
	}
	if span.IsRecording() {
		span.SetAttributes(c.attributes()...)
	}
	return ctx, batchSpan{span}
}

func (c *call) attributes() []attribute.KeyValue {
	attrs := []attribute.KeyValue{attribute.Int("batcher.batch.size", c.size)}
	if !c.batched {
		return attrs
	}
	return append(attrs,
		attribute.Int("batcher.batch.weight", c.info.Weight),
		attribute.Stringer("batcher.trigger", c.info.Trigger),
		attribute.Float64("batcher.batch.queue.duration", c.queued().Seconds()))
}

// callersOf finds the spans of the callers, each once: one caller may have
// several requests in a batch.
func callersOf(requests []context.Context) (spans []trace.Span) {
	type id struct {
		trace trace.TraceID
		span  trace.SpanID
	}
	var seen map[id]bool
	for _, ctx := range requests {
		span := trace.SpanFromContext(ctx)
		of := span.SpanContext()
		if !of.IsValid() || seen[id{of.TraceID(), of.SpanID()}] {
			continue
		}
		if seen == nil {
			seen = make(map[id]bool)
		}
		seen[id{of.TraceID(), of.SpanID()}] = true
		spans = append(spans, span)
	}
	return spans
}

// links returns the links to callers, up to MaxLinks: first those to sampled
// spans, as a sampler may look for one.
func (t *Telemetry) links(callers []trace.Span) []trace.Link {
	if t.maxLinks > 0 && len(callers) > t.maxLinks {
		var sampled, rest []trace.Span
		for _, span := range callers {
			if span.SpanContext().IsSampled() {
				sampled = append(sampled, span)
			} else {
				rest = append(rest, span)
			}
		}
		callers = append(sampled, rest...)[:t.maxLinks]
	}
	links := make([]trace.Link, len(callers))
	for i, span := range callers {
		links[i].SpanContext = span.SpanContext()
	}
	return links
}

func (s batchSpan) end(f failure) {
	defer s.End()
	if f.kind == "" || !s.IsRecording() { // making an error's text may take long
		return
	}
	s.SetAttributes(attribute.String("error.type", f.kind), attribute.Int("batcher.batch.failed", f.failed))
	said := f.kind
	if f.err != nil {
		text := fmt.Sprint(f.err) // which recovers if its Error method panics, as that of a nil pointer may
		said = strings.ToValidUTF8(text, "\uFFFD")
		if said != text { // an exporter could send no span that it has with this one
			f.err = errors.New(said)
		}
		s.record(f.err)
	}
	s.SetStatus(codes.Error, said)
}

// record is RecordError without panics of err's Error method, which callers
// would get in place of their error.
func (s batchSpan) record(err error) {
	defer func() { _ = recover() }()
	s.RecordError(err)
}
