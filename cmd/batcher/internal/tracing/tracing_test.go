package tracing_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gobatcher/batcher/cmd/batcher/internal/tracing"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

func provider(t *testing.T, ratio float64) *sdk.TracerProvider {
	t.Helper()
	p, err := tracing.Start(t.Context(), "http://127.0.0.1:1", ratio, "v1", func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel() // nobody listens
		_ = p.Shutdown(ended)
	})
	return p
}

// batch starts a root span with links to spans that are sampled or not.
func batch(p *sdk.TracerProvider, sampled ...bool) bool {
	var links []trace.Link
	for i, yes := range sampled {
		of := trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{byte(i + 1)}}
		if yes {
			of.TraceFlags = trace.FlagsSampled
		}
		links = append(links, trace.Link{SpanContext: trace.NewSpanContext(of)})
	}
	_, span := p.Tracer("test").Start(context.Background(), "batch", trace.WithNewRoot(), trace.WithLinks(links...))
	defer span.End()
	return span.SpanContext().IsSampled()
}

// A trace that is kept is kept whole: with the batches of its requests.
func TestBatchesOfSampledRequestsAreSampled(t *testing.T) {
	none, all := provider(t, 0), provider(t, 1)
	if !batch(none, false, true) {
		t.Error("one of two requests is sampled, the batch is not")
	}
	if batch(all, false, false) {
		t.Error("no request is sampled, the batch is")
	}
	if batch(none) || !batch(all) {
		t.Error("the ratio does not hold for requests")
	}
}

// One text that is not UTF-8 does not keep the spans beside it from being sent.
func TestTextsThatAreNotUTF8(t *testing.T) {
	sent := make(chan string, 1)
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		sent <- string(body)
	}))
	t.Cleanup(sink.Close)
	p, err := tracing.Start(t.Context(), sink.URL, 1, "v1", func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	_, span := p.Tracer("test").Start(t.Context(), "request", trace.WithAttributes(attribute.String("url.path", "/a\xff")))
	span.RecordError(errors.New("error\xfe"))
	span.SetStatus(codes.Error, "status\xfd")
	span.End()
	batch(p)
	if err := p.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got string
	select {
	case got = <-sent:
	default:
		t.Fatal("nothing was sent")
	}
	for _, want := range []string{"request", "/a\uFFFD", "error\uFFFD", "status\uFFFD", "batch"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in what was sent, %q", want, got)
		}
	}
}

// Collectors of OTLP listen at one path, which nobody need name.
func TestWhereSpansGo(t *testing.T) {
	paths := make(chan string, 1)
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { paths <- r.URL.Path }))
	t.Cleanup(sink.Close)
	for path, want := range map[string]string{"": "/v1/traces", "/": "/v1/traces", "/own/path": "/own/path"} {
		p, err := tracing.Start(t.Context(), sink.URL+path, 1, "v1", func(error) {})
		if err != nil {
			t.Fatal(err)
		}
		batch(p)
		if err := p.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if got := <-paths; got != want {
			t.Errorf("spans for %q go to %s, want %s", path, got, want)
		}
	}
}
