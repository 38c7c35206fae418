package tracing

import (
	"context"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
)

// legible exports spans with texts in UTF-8: a path and an upstream's error may
// hold other bytes, and with one such text no span of an export could be sent. The
// URLs in them have no query, which may hold a key.
type legible struct{ trace.SpanExporter }

func (l legible) ExportSpans(ctx context.Context, spans []trace.ReadOnlySpan) error {
	shown := make([]trace.ReadOnlySpan, len(spans))
	for i, span := range spans {
		shown[i] = legibleSpan{span}
	}
	return l.SpanExporter.ExportSpans(ctx, shown)
}

type legibleSpan struct{ trace.ReadOnlySpan }

func (s legibleSpan) Attributes() []attribute.KeyValue {
	return legibleAttributes(s.ReadOnlySpan.Attributes())
}

func (s legibleSpan) Events() []trace.Event {
	events := slices.Clone(s.ReadOnlySpan.Events())
	for i := range events {
		events[i].Attributes = legibleAttributes(events[i].Attributes)
	}
	return events
}

func (s legibleSpan) Status() trace.Status {
	status := s.ReadOnlySpan.Status()
	status.Description = legibleText(status.Description)
	return status
}

func legibleAttributes(attrs []attribute.KeyValue) []attribute.KeyValue {
	attrs = slices.Clone(attrs)
	for i, a := range attrs {
		if a.Value.Type() != attribute.STRING {
			continue
		}
		text := a.Value.AsString()
		if a.Key == semconv.URLFullKey {
			text, _, _ = strings.Cut(text, "?")
		}
		attrs[i].Value = attribute.StringValue(legibleText(text))
	}
	return attrs
}

func legibleText(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }
