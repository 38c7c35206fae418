package otelbatch_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/otelbatch"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// Each caller has a span of its own; the batch's span links to them all.
func Example() {
	exporter := tracetest.NewInMemoryExporter() // a program has one of OTLP
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))

	t, err := otelbatch.New("squares", otelbatch.Options{TracerProvider: provider})
	if err != nil {
		fmt.Println(err)
		return
	}
	square := func(_ context.Context, reqs []int) ([]int, error) {
		res := make([]int, len(reqs))
		for i, n := range reqs {
			res[i] = n * n
		}
		return res, nil
	}
	b := batcher.New(otelbatch.Func(square, t), batcher.Options{MaxSize: 3, Delay: time.Minute})
	stop, err := t.Watch(b.Stats)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()

	var callers sync.WaitGroup
	for n := range 3 {
		callers.Go(func() {
			ctx, span := provider.Tracer("example").Start(context.Background(), "caller")
			defer span.End()
			b.Do(ctx, n)
		})
	}
	callers.Wait()
	b.Close()

	for _, span := range exporter.GetSpans() {
		if span.Name == "batch squares" {
			fmt.Println(span.Name, "links to", len(span.Links), "callers")
		}
	}
	// Output: batch squares links to 3 callers
}
