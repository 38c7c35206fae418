package otelbatch_test

import (
	"context"
	"fmt"
	"log"
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

// Without options it reports to whatever the program has made the global
// provider, here to none.
func ExampleTelemetry_Watch() {
	insert := func(_ context.Context, rows []string) ([]int, error) { return make([]int, len(rows)), nil }

	t, err := otelbatch.New("rows", otelbatch.Options{})
	if err != nil {
		log.Fatal(err)
	}
	b := batcher.New(otelbatch.Func(insert, t), batcher.Options{MaxSize: 100})
	stop, err := t.Watch(b.Stats)
	if err != nil {
		log.Fatal(err)
	}
	defer stop()

	fmt.Println(b.Do(context.Background(), "ann"))
	// Output: 0 <nil>
}
