// Package middleware has functions that wrap a [batcher.Func] in another: each
// adds one behaviour to how a batch is processed, and the result can be used
// wherever a Func can.
//
//   - [Isolate] finds the requests that make a batch fail and saves the rest.
//     It also acts on [Reject] and [TooLarge], with which a Func says more
//     about why it failed.
//   - [Retry] runs requests again, together, that failed for a passing reason.
//   - [Dedup] passes equal requests of one batch on only once.
//   - [Timeout] bounds the time of a call, whatever Func does.
//   - [Limit] bounds the number of calls at once, over several Batchers.
//
// # Order
//
// They compose in any order; the outermost runs first. This order suits most
// Funcs:
//
//	insert = middleware.Dedup(middleware.Retry(middleware.Isolate(middleware.Timeout(middleware.Limit(insert, connections), time.Second), nil, 0), nil, 3, nil), key)
//
// Equal requests are merged before anything costs a call. Retry outside
// Isolate runs only what Isolate could not save. Timeout inside both bounds
// each call; outside, it would bound all of them and the waiting between
// them. Limit innermost holds its slot for as long as Func really runs, even
// after Timeout has given up on it, but not while Retry waits. The wait for a
// slot then counts within Timeout's d, so a batch may time out without a call
// of Func. With Limit outside Timeout it does not count, but a late Func no
// longer holds a slot, and overlaps with others.
//
// # With a Keyed
//
// The function of a [batcher.Keyed] has a key more than a Func has. Wrap it where
// the key is known; what the calls for all keys share, such as the slots of a
// Limit, is made outside:
//
//	k := batcher.NewKeyed(func(ctx context.Context, tenant string, questions []string) ([]string, error) {
//		fn := func(ctx context.Context, questions []string) ([]string, error) { return ask(ctx, tenant, questions) }
//		return middleware.Dedup(middleware.Limit(fn, slots), func(q string) string { return q })(ctx, questions)
//	}, opts)
//
// # What holds for all of them
//
// They keep the contract of Func: one result for each request, or one error,
// or a [batcher.Errors]. Each accepts whatever Func does: a wrong number of
// results or errors fails exactly the requests of that call with
// [batcher.ErrResultCount], and never moves an answer to another caller. If
// Func panics, the requests fail with a [*batcher.PanicError] where work goes
// on after it; elsewhere the panic passes through. runtime.Goexit always passes
// through, and so ends the whole batch.
//
// Each call of Func owns the reqs that it is given, as always: Isolate, Retry
// and Timeout, which call more than once or may return before Func does, give
// it a copy. All calls are made in the goroutine of the batch, one after the
// other, except under Timeout. What these functions return is safe for
// concurrent use if Func and the functions given beside it are, and does not
// wait except as Retry and Limit say.
//
// A batch in which nothing goes wrong costs one allocation, the copy, under
// Isolate and Retry, five under Dedup and eight if requests are equal, nine
// and a goroutine under Timeout, and none under Limit; one more if Func returns
// a batcher.Errors of nils. Nothing is allocated per request, except that the
// map of Dedup adds about three allocations for every thousand.
//
// In a call with some of a batch's requests (from Isolate, Retry and Dedup)
// [batcher.FromContext] describes these: Info.Requests is aligned with reqs,
// and Size and Weight count them. Opened and Trigger are the batch's.
package middleware
