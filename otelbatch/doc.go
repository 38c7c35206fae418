// Package otelbatch reports OpenTelemetry metrics and traces of a
// [batcher.Batcher], a [batcher.Keyed] or anything else that calls a
// [batcher.Func]. It uses only OpenTelemetry's API: which SDK and exporter
// there are, if any, is up to the program.
//
//	t, err := otelbatch.New("rows", otelbatch.Options{})
//	if err != nil {
//		log.Fatal(err)
//	}
//	b := batcher.New(otelbatch.Func(insert, t), batcher.Options{MaxSize: 100})
//	stop, err := t.Watch(b.Stats)
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer stop()
//
// [Func] measures each call and gives it a span, Watch reports what
// [batcher.Stats] counts. Make one Telemetry for each Batcher, each with a name
// of its own. Put Func outside all middleware to see batches; innermost it sees
// each call, including those that Retry and Isolate add.
//
// # Metrics
//
// Every metric has the attribute batcher.name. Names follow OpenTelemetry's
// rules: what precedes a dot is singular, and so is the name of anything that
// may decrease.
//
//	name                         instrument             unit       more attributes
//	batcher.batches              counter                {batch}    batcher.trigger, error.type
//	batcher.batch.size           histogram              {request}  batcher.trigger
//	batcher.batch.queue.duration histogram              s          batcher.trigger
//	batcher.batch.run.duration   histogram              s          batcher.trigger, error.type
//	batcher.requests             observable counter     {request}  batcher.outcome
//	batcher.request.pending      observable up and down {request}
//	batcher.batch.running        observable up and down {batch}
//	batcher.batch.size_limit     observable gauge       {request}
//
// batcher.batch.queue.duration is the time from a batch's first request to
// the call of Func, and so the longest that one of its requests waited.
// batcher.batch.run.duration is the time that Func took. The observable ones
// are reported if Watch was called; batcher.batch.size_limit only if there is a
// limit.
//
// # Spans
//
// Each call of Func is a span "batch NAME" of kind internal, the root of a
// trace of its own, since it belongs to no caller more than to the others. It
// links to the span of each caller, found in the contexts of Info.Requests,
// and each caller's span that is still recording gets a link to it. The
// context that Func gets holds the span, so what Func calls is part of its
// trace. The span's attributes are batcher.name, batcher.trigger,
// batcher.batch.size, batcher.batch.weight, batcher.batch.queue.duration in
// seconds, and after a failure error.type and batcher.batch.failed, the number
// of requests that failed. Its status is Error if any request failed.
//
// To a sampler it is a root span with links. A sampler that keeps spans with a
// sampled link keeps the batches of the traces that are kept.
//
// # Attributes
//
//	batcher.name     the name given to New
//	batcher.trigger  what started the batch: the text of a batcher.Trigger; absent outside a Batcher
//	batcher.outcome  succeeded, failed, canceled or rejected, as in batcher.Stats
//	error.type       absent if every request succeeded; else partial (some requests failed), panic,
//	                 timeout, canceled, result_count, or _OTHER
//
// An error's text goes only to the span, since it may be long and vary.
package otelbatch
