package otelbatch

import (
	"context"
	"errors"
	"fmt"

	"github.com/gobatcher/batcher"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// observedInstruments are those that are observed when metrics are collected.
type observedInstruments struct {
	requests metric.Int64ObservableCounter
	pending  metric.Int64ObservableUpDownCounter
	running  metric.Int64ObservableUpDownCounter
	limit    metric.Int64ObservableGauge
}

func (i *observedInstruments) create(m metric.Meter) error {
	var errs [4]error
	i.requests, errs[0] = m.Int64ObservableCounter("batcher.requests", metric.WithUnit("{request}"),
		metric.WithDescription("Requests by what became of them."))
	i.pending, errs[1] = m.Int64ObservableUpDownCounter("batcher.request.pending", metric.WithUnit("{request}"),
		metric.WithDescription("Requests accepted and not yet answered."))
	i.running, errs[2] = m.Int64ObservableUpDownCounter("batcher.batch.running", metric.WithUnit("{batch}"),
		metric.WithDescription("Batches that run."))
	i.limit, errs[3] = m.Int64ObservableGauge("batcher.batch.size_limit", metric.WithUnit("{request}"),
		metric.WithDescription("What a full batch holds."))
	return errors.Join(errs[:]...)
}

// Watch reports what stats, the Stats method of a Batcher or a Keyed, returns
// whenever metrics are collected, until stop is called. Call it once: two
// watches of one Telemetry would report different numbers under one name. Watch
// fails if the meter refuses it, and panics if stats is nil.
func (t *Telemetry) Watch(stats func() batcher.Stats) (stop func() error, err error) {
	if stats == nil { // or the program would end when metrics are collected
		panic("otelbatch: Watch of nil stats")
	}
	i, all := t.observed, t.with()
	outcomes := [4]metric.MeasurementOption{}
	for n, outcome := range [...]string{"succeeded", "failed", "canceled", "rejected"} {
		outcomes[n] = t.with(attribute.String("batcher.outcome", outcome))
	}
	observe := func(_ context.Context, o metric.Observer) error {
		s := stats()
		for n, count := range [...]uint64{s.Succeeded, s.Failed, s.Canceled, s.Rejected} {
			o.ObserveInt64(i.requests, int64(count), outcomes[n])
		}
		o.ObserveInt64(i.pending, int64(s.Pending), all)
		o.ObserveInt64(i.running, int64(s.Running), all)
		if s.SizeLimit > 0 {
			o.ObserveInt64(i.limit, int64(s.SizeLimit), all)
		}
		return nil
	}
	registered, err := t.meter.RegisterCallback(observe, i.requests, i.pending, i.running, i.limit)
	if err != nil {
		return nil, fmt.Errorf("otelbatch: %s: %w", t.name, err)
	}
	return registered.Unregister, nil
}
