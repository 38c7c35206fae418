// Package middleware holds functions from [batcher.Func] to batcher.Func:
// each adds one behaviour to how a batch is processed, and the result goes
// wherever a Func goes.
//
//   - [Isolate] finds the requests that make a batch fail and saves the rest.
//     It also acts on [Reject] and [TooLarge], with which a Func says more
//     about why it failed.
//   - [Retry] runs those that failed for a passing reason again, together.
//   - [Dedup] passes equal requests of one batch on once.
//   - [Timeout] bounds the time of a call, whatever Func does.
//   - [Limit] bounds the calls at once over several Batchers.
//
// # Order
//
// They compose in any order; nested calls run from the outside in. The order
// that suits most Funcs is this one:
//
//	fn = middleware.Dedup(middleware.Retry(middleware.Isolate(middleware.Timeout(middleware.Limit(fn, slots), time.Second), nil, 0), nil, 3, nil), key)
//
// Equal requests are merged before anything costs a call. Retry outside
// Isolate runs only what Isolate could not save. Timeout inside both bounds
// each call; outside, it would bound all of them and the waiting between
// them. Limit innermost holds its slot for as long as Func really runs, also
// when Timeout has given it up, and not while Retry waits.
//
// # What holds for all of them
//
// They keep the contract of Func: one result for each request, or one error,
// or a [batcher.Errors]. Each accepts whatever Func does: a wrong number of
// results or errors fails exactly the requests of that call with
// [batcher.ErrResultCount], and never moves an answer to another caller. A
// panic fails them with a [*batcher.PanicError] where work goes on after it,
// and else passes through; runtime.Goexit always passes through, and so ends
// the whole batch.
//
// Each call of Func owns the reqs that it is given, as ever: Isolate, Retry
// and Timeout, which call more than once or may return before Func does, give
// it a copy. All calls happen in the goroutine of the batch and one after
// the other, except under Timeout. What a function here returns is safe for
// concurrent use if Func is, and waits for nothing of its own but what
// Retry and Limit say.
//
// A batch in which nothing goes wrong costs one allocation, the copy, under
// Isolate and Retry, five under Dedup and eight if requests are equal, nine
// and a goroutine under Timeout, and none under Limit; where Func returns a
// batcher.Errors of nils, one more. Nothing is allocated for each request, but
// the map of Dedup adds about three for every thousand.
//
// In a call with some of a batch's requests (from Isolate, Retry and Dedup)
// [batcher.FromContext] tells Func of these: Info.Requests is aligned with
// reqs, Size and Weight count them. Opened and Trigger are the batch's.
package middleware
