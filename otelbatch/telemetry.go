package otelbatch

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gobatcher/batcher"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// scope names this package as the source of what it reports.
const scope = "github.com/gobatcher/batcher/otelbatch"

// Options say where a [Telemetry] reports to.
type Options struct {
	// MeterProvider makes the instruments. Default: nil, the global one.
	MeterProvider metric.MeterProvider

	// TracerProvider makes the spans. Default: nil, the global one.
	TracerProvider trace.TracerProvider

	// Attributes are added to every metric and span, after batcher.name.
	// They should have few values. Default: none.
	Attributes []attribute.KeyValue

	// MaxLinks is the most callers' spans that a batch's span links to; sampled
	// ones come first. Default: zero, which is 128, the number that SDKs keep.
	// Negative: no limit.
	MaxLinks int
}

const defaultLinks = 128

// Telemetry reports on one Batcher. It is safe for concurrent use. Neither its
// methods nor the Funcs that use it wait for anything. Make one with New.
type Telemetry struct {
	name      string
	maxLinks  int
	meter     metric.Meter
	tracer    trace.Tracer
	sync      syncInstruments
	observed  observedInstruments
	attrs     []attribute.KeyValue // of every metric and span
	byTrigger [batcher.TriggerClose + 1]metric.MeasurementOption
}

// New makes a Telemetry for one Batcher; name distinguishes it from the others of
// the program. New fails if the meter refuses an instrument, as the SDK does if
// a view is wrong.
func New(name string, opts Options) (*Telemetry, error) {
	if opts.MeterProvider == nil {
		opts.MeterProvider = otel.GetMeterProvider()
	}
	if opts.TracerProvider == nil {
		opts.TracerProvider = otel.GetTracerProvider()
	}
	t := &Telemetry{name: name, maxLinks: opts.MaxLinks, meter: opts.MeterProvider.Meter(scope), tracer: opts.TracerProvider.Tracer(scope)}
	if t.maxLinks == 0 {
		t.maxLinks = defaultLinks
	}
	t.attrs = append(append(t.attrs, attribute.String("batcher.name", name)), opts.Attributes...)
	for i := range t.byTrigger {
		t.byTrigger[i] = t.with(attribute.Stringer("batcher.trigger", batcher.Trigger(i)))
	}
	if err := errors.Join(t.sync.create(t.meter), t.observed.create(t.meter)); err != nil {
		return nil, fmt.Errorf("otelbatch: %s: %w", name, err)
	}
	return t, nil
}

// must panics if t is nil, on behalf of the function with this name: otherwise
// each request would fail without saying why.
func (t *Telemetry) must(name string) {
	if t == nil {
		panic("otelbatch: " + name + " with a nil Telemetry")
	}
}

// with returns the attributes of a measurement: those of all, and more. It
// gives NewSet, which sorts in place, a copy: others read attrs meanwhile.
func (t *Telemetry) with(more ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(slices.Concat(t.attrs, more)...))
}
