package otelbatch_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/otelbatch"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// linked reports whether these are links to exactly the spans want.
func linked(links []sdktrace.Link, want ...trace.Span) bool {
	if len(links) != len(want) {
		return false
	}
	for i, link := range links {
		if !link.SpanContext.Equal(want[i].SpanContext()) {
			return false
		}
	}
	return true
}

func TestBatchAndCallersAreLinked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSDK(t)
		var batch trace.Span
		fn := otelbatch.Func(func(ctx context.Context, reqs []int) ([]int, error) {
			batch = trace.SpanFromContext(ctx)
			_, inner := s.traces.Tracer("test").Start(ctx, "inner")
			inner.End()
			return reqs, nil
		}, s.telemetry())
		b := batcher.New(fn, batcher.Options{Delay: time.Second})
		ctx1, one := s.caller("one")
		ctx2, two := s.caller("two")
		b.Submit(ctx1, 1)
		b.Submit(context.Background(), 2) // without a span
		b.Submit(ctx2, 3)
		b.Submit(ctx1, 4) // the same caller again
		b.Close()
		one.End()
		two.End()

		span := s.ended("batch rows")
		if !linked(span.Links, one, two) {
			t.Errorf("the batch links to %v, want one and two, once each", span.Links)
		}
		if span.Parent.IsValid() || span.SpanKind != trace.SpanKindInternal {
			t.Errorf("the batch's span has parent %v and kind %v, want a root of kind internal", span.Parent, span.SpanKind)
		}
		for _, name := range []string{"one", "two"} {
			if links := s.ended(name).Links; !linked(links, batch) {
				t.Errorf("%s links to %v, want the batch", name, links)
			}
		}
		if parent := s.ended("inner").Parent; !parent.Equal(batch.SpanContext()) {
			t.Errorf("what Func calls has parent %v, want the batch", parent)
		}
	})
}

func TestSpanAttributes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSDK(t)
		b := batcher.New(otelbatch.Func(func(_ context.Context, reqs []heavy) ([]int, error) {
			return make([]int, len(reqs)), nil
		}, s.telemetry()), batcher.Options{Delay: 1500 * time.Millisecond})
		b.Submit(t.Context(), 10)
		b.Do(t.Context(), 20)
		got := attribute.NewSet(s.ended("batch rows").Attributes...)
		want := attribute.NewSet(
			attribute.String("batcher.name", "rows"),
			attribute.String("batcher.trigger", "delay"),
			attribute.Int("batcher.batch.size", 2),
			attribute.Int("batcher.batch.weight", 30),
			attribute.Float64("batcher.batch.queue.duration", 1.5))
		if got != want {
			t.Errorf("got %v, want %v", got.ToSlice(), want.ToSlice())
		}
	})
}

// heavy is a request that weighs as much as it says.
type heavy int

func (h heavy) Weight() int { return int(h) }

// linkSampler keeps a span with a sampled link.
type linkSampler struct{}

func (linkSampler) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	for _, link := range p.Links {
		if link.SpanContext.IsSampled() {
			return sdktrace.SamplingResult{Decision: sdktrace.RecordAndSample}
		}
	}
	return sdktrace.SamplingResult{Decision: sdktrace.Drop}
}

func (linkSampler) Description() string { return "linkSampler" }

// The one sampled caller is linked to wherever it stands.
func TestSampledCallersAreLinkedFirst(t *testing.T) {
	for _, place := range []int{0, 127, 128, 199} {
		s := newSDK(t)
		s.traces = sdktrace.NewTracerProvider(sdktrace.WithSyncer(s.spans), sdktrace.WithSampler(linkSampler{}))
		b := batcher.New(otelbatch.Func(echo(0), s.telemetry()), batcher.Options{Manual: true})
		for i := range 200 {
			of := trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1, byte(i)}}
			if i == place {
				of.TraceFlags = trace.FlagsSampled
			}
			b.Submit(trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(of)), i)
		}
		b.Close()
		links := s.ended("batch rows").Links
		if len(links) != 128 || links[0].SpanContext.SpanID() != (trace.SpanID{1, byte(place)}) {
			t.Errorf("%d links, want 128 and the first to caller %d", len(links), place)
		}
	}
}

func TestCallersWithoutASpanTakeNoLink(t *testing.T) {
	s := newSDK(t)
	opts := s.options()
	opts.MaxLinks = 1
	telemetry, err := otelbatch.New("rows", opts)
	if err != nil {
		t.Fatal(err)
	}
	b := batcher.New(otelbatch.Func(echo(0), telemetry), batcher.Options{Manual: true})
	remote := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}})
	b.Submit(t.Context(), 1)
	b.Submit(trace.ContextWithSpanContext(t.Context(), remote), 2)
	b.Close()
	if links := s.ended("batch rows").Links; len(links) != 1 || !links[0].SpanContext.Equal(remote) {
		t.Errorf("links to %v, want the second caller", links)
	}
}

// wordy is an error whose text takes long to make.
type wordy struct{ asked *bool }

func (e wordy) Error() string { *e.asked = true; return "no disk" }

func TestNoTextIsMadeOfAnErrorForASpanThatDoesNotRecord(t *testing.T) {
	for _, sampler := range []sdktrace.Sampler{sdktrace.NeverSample(), sdktrace.AlwaysSample()} {
		s := newSDK(t)
		s.traces = sdktrace.NewTracerProvider(sdktrace.WithSyncer(s.spans), sdktrace.WithSampler(sampler))
		asked := false
		_, _ = otelbatch.Func(returns(nil, wordy{&asked}), s.telemetry())(t.Context(), []int{1})
		if records := len(s.spans.GetSpans()) == 1; asked != records {
			t.Errorf("text made: %t, span recorded: %t", asked, records)
		}
	}
}

func TestMaxLinks(t *testing.T) {
	for _, c := range []struct{ limit, want int }{{0, 128}, {1, 1}, {3, 3}, {-1, 200}} {
		s := newSDK(t)
		limits := sdktrace.NewSpanLimits()
		limits.LinkCountLimit = -1
		s.traces = sdktrace.NewTracerProvider(sdktrace.WithSyncer(s.spans), sdktrace.WithRawSpanLimits(limits))
		opts := s.options()
		opts.MaxLinks = c.limit
		telemetry, err := otelbatch.New("rows", opts)
		if err != nil {
			t.Fatal(err)
		}
		b := batcher.New(otelbatch.Func(echo(0), telemetry), batcher.Options{Manual: true})
		callers := make([]trace.Span, 200)
		for i := range callers {
			var ctx context.Context
			ctx, callers[i] = s.caller(fmt.Sprint("caller ", i))
			b.Submit(ctx, i)
		}
		b.Close()
		if links := s.ended("batch rows").Links; !linked(links, callers[:c.want]...) {
			t.Errorf("limit %d: %d links, want one to each of the first %d callers", c.limit, len(links), c.want)
		}
		callers[199].End()
		if links := s.ended("caller 199").Links; len(links) != 1 {
			t.Errorf("limit %d: the last caller has %d links, want 1", c.limit, len(links))
		}
	}
}
