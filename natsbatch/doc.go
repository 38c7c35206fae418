// Package natsbatch makes batches of requests from many processes, over NATS
// JetStream. Many front ends take single requests, many workers process
// batches of them with a batcher.Func, and the requests of all front ends fill
// common batches; each answer goes to the caller that asked.
//
// A front end is a [Client], a worker is a [Worker], and both name the same
// [Queue]:
//
//	q := natsbatch.Queue{Endpoint: "square"}
//
//	w, err := natsbatch.NewWorker(ctx, nc, q, square, natsbatch.WorkerOptions{Batch: batcher.Options{MaxSize: 64}})
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer w.Close()
//	c, err := natsbatch.NewClient[int, int](ctx, nc, q, natsbatch.ClientOptions{})
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer c.Close()
//
//	res, err := c.Do(ctx, 7) // 49, nil
//
// [Client.Do] waits for the result. [Client.Submit] returns a [Handle], a claim
// on the result that any process may hold: the request survives the death of
// any of them, and the result is kept for a day. With a [Key] Submit is
// idempotent. Package embed has a server for a program that runs without others.
//
// # What is promised
//
//   - When Submit returned nil, the request survives the death of any process,
//     and loss of power on servers that sync every write, as package embed's
//     does.
//   - It runs at least once, until it has a result or a permanent error, its
//     deadline has passed, or it is a dead letter: Get tells which.
//   - For one Handle at most one result is ever visible. What Func does outside
//     may happen more than once: [Meta] has an id to recognize it by.
//   - Do returns the answer, a definite error, or [ErrUnknownOutcome] when its
//     context ended after the request was accepted, or the answer may be lost; never
//     somebody else's answer.
//   - The requests of a worker that dies go to others after Queue.AckWait. They run
//     beside fresh ones, but one message at a time in each worker, and in smaller
//     batches, since they may be why the worker died. The requests of a worker that is
//     shut down go to others within milliseconds.
//   - A full queue is [ErrFull] at once.
//
// Nothing is promised about order, for disks that lie, or with Queue.Memory.
package natsbatch
