package otelbatch

import (
	"context"
	"errors"
	"time"

	"github.com/gobatcher/batcher"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// The bounds of the histograms, unless a view of the SDK sets others.
var (
	sizes   = []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384}
	seconds = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300}
)

// syncInstruments are those that each call writes to.
type syncInstruments struct {
	batches metric.Int64Counter
	size    metric.Int64Histogram
	queue   metric.Float64Histogram
	run     metric.Float64Histogram
}

func (i *syncInstruments) create(m metric.Meter) error {
	var errs [4]error
	i.batches, errs[0] = m.Int64Counter("batcher.batches", metric.WithUnit("{batch}"),
		metric.WithDescription("Batches that ran."))
	i.size, errs[1] = m.Int64Histogram("batcher.batch.size", metric.WithUnit("{request}"),
		metric.WithDescription("Requests in a batch."), metric.WithExplicitBucketBoundaries(sizes...))
	i.queue, errs[2] = m.Float64Histogram("batcher.batch.queue.duration", metric.WithUnit("s"),
		metric.WithDescription("From a batch's first request to its run."), metric.WithExplicitBucketBoundaries(seconds...))
	i.run, errs[3] = m.Float64Histogram("batcher.batch.run.duration", metric.WithUnit("s"),
		metric.WithDescription("How long a batch ran."), metric.WithExplicitBucketBoundaries(seconds...))
	return errors.Join(errs[:]...)
}

// record measures a call. The context holds the batch's span, which an SDK can
// keep as an exemplar.
func (t *Telemetry) record(c *call, ran time.Duration, f failure) {
	plain, tried := t.attributesOf(c, f)
	ctx := context.WithoutCancel(c.ctx)
	t.sync.batches.Add(ctx, 1, tried)
	t.sync.size.Record(ctx, int64(c.size), plain)
	t.sync.run.Record(ctx, ran.Seconds(), tried)
	if c.batched {
		t.sync.queue.Record(ctx, c.queued().Seconds(), plain)
	}
}

// attributesOf returns the attributes of c without its error.type and with it.
func (t *Telemetry) attributesOf(c *call, f failure) (plain, tried metric.MeasurementOption) {
	var more []attribute.KeyValue
	known := c.batched && c.info.Trigger <= batcher.TriggerClose
	switch {
	case known:
		plain = t.byTrigger[c.info.Trigger]
		more = append(more, attribute.Stringer("batcher.trigger", c.info.Trigger))
	default:
		plain = t.with()
	}
	if f.kind == "" {
		return plain, plain
	}
	return plain, t.with(append(more, attribute.String("error.type", f.kind))...)
}
