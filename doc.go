// Package batcher groups single requests into batches, processes each batch
// with one call of a function, and returns to every caller its own result. It
// is for work that costs less per request when many are done together: rows in
// one INSERT, keys in one query, inputs in one run of a model.
//
// The function is a [Func]. A [Batcher] collects requests from any number of
// goroutines and calls Func with them:
//
//	square := func(_ context.Context, reqs []int) ([]int, error) {
//		res := make([]int, len(reqs))
//		for i, n := range reqs {
//			res[i] = n * n
//		}
//		return res, nil
//	}
//	b := batcher.New(square, batcher.Options{MaxSize: 100})
//	defer b.Close()
//
//	res, err := b.Do(ctx, 7) // 49, nil
//
// [Batcher.Do] waits for the result. [Batcher.Submit] returns a [Future], so
// one goroutine can submit many requests before it waits for the first.
// [Batcher.TrySubmit] refuses a request where Submit would wait.
//
// A [Keyed] is a Batcher for each key that is in use. A [Batch] made with
// [NewBatch] is one batch that the program fills and starts by hand.
//
// # When a batch starts
//
// A batch opens with its first request. To run, it needs a slot;
// Options.MaxConcurrent says how many slots there are, by default one.
//
// With the zero [Options] a batch starts as soon as a slot is free. A request
// that finds the slot free waits for nothing; requests that arrive while it is
// busy form the next batch, so batches grow with the load. No timer is
// involved. Options.MaxSize bounds what one batch takes; Options.TargetTime
// derives that bound from how long Func runs.
//
// Options.Delay makes a batch wait for company even though a slot is free. It
// counts from the batch's first request. Options.MinSize ends that wait
// early, once the batch is large enough to be worth running; a request whose
// deadline is near ends it too. With Options.Manual no batch starts by time,
// and Flush starts what has been collected.
//
// A full batch starts whatever the other options say, and Close starts what
// is left. A batch that is due while no slot is free goes on collecting until
// one takes it, unless it is full or was flushed. [FromContext] tells a Func,
// and [Stats.Started] tells a monitor, what started a batch: see [Trigger].
//
// # Who gets what
//
// Every request gets exactly one answer: its result, an error of its own
// ([Errors]), the error of its batch, or the reason why it was not processed.
// A Func that panics, ends its goroutine or returns the wrong number of
// results fails its own batch only.
//
// A request is withdrawn when the context that it was submitted with ends, or
// its Future is canceled, before its batch runs; Func then does not see it.
// Once the batch runs, a caller may still leave, but the others keep their
// answers: Func's context ends only when all callers have left. A caller
// whose own context has not ended never gets context.Canceled.
//
// With one slot, batches run in order, and the requests of a batch are in the
// order in which they were submitted.
//
// # Ownership
//
// A request belongs to the Batcher from Submit until its batch is done, also
// after its caller has left: Func may still read what a request points to.
// The slice passed to Func belongs to Func until it returns, and the results
// that Func returns belong to the batch from then on. The package makes no deep
// copies: what a pointer in a request or a result points to is shared.
//
// # Costs
//
// Batching is not free. A request pays for a lock, a place in a slice and the
// wake-up of its caller, and its result waits for the slowest request of its
// batch. Most memory is allocated per batch, not per request.
//
// An idle Batcher owns no goroutine and no timer, and a key of a Keyed costs
// nothing once its requests are answered. A Future keeps the results of its
// whole batch in memory. Without Options.MaxPending the number of waiting
// requests is not bounded.
//
// # Around the core
//
// Package middleware has functions that wrap a Func: isolation of the requests
// that make a batch fail, retry, deduplication, time limits. Package loader
// loads values by key, with deduplication and a cache.
package batcher
