// Package gateway batches HTTP calls across callers, in front of an endpoint
// that is faster, cheaper or less throttled when asked in bulk. Callers send
// one request at a time and need not know about it; each gets its own answer,
// as if it had asked alone.
//
// A [Handler] has routes. A [Route] says which requests are calls of which
// [Protocol], which [Upstream] answers them in bulk, and how they are batched:
//
//	upstream, err := gateway.NewHTTP("http://127.0.0.1:9000", gateway.HTTPOptions{})
//	if err != nil {
//		log.Fatal(err)
//	}
//	handler, err := gateway.New([]gateway.Route{{
//		Pattern:  "/v1/models/{rest...}",
//		Protocol: gateway.NewKServeV1(),
//		Upstream: upstream,
//		MaxItems: 32,
//		Delay:    5 * time.Millisecond,
//	}}, gateway.Options{})
//	if err != nil {
//		log.Fatal(err)
//	}
//	log.Fatal(http.ListenAndServe("127.0.0.1:8080", handler))
//
// # The way of a call
//
// Protocol.Match looks at the head of a request; one that is no call is passed
// through to the upstream unchanged, or refused. The body is read within limits,
// and Protocol.Read takes it apart into items and a shape. The items are
// submitted to a [github.com/gobatcher/batcher.Keyed], all at once; they may
// share batches with those of other calls whose [Key] is equal: method, path,
// query, the headers that matter, and every field of the body but the items.
// When a batch starts, Protocol.Join makes one request of it, Upstream.Send
// sends it, and Protocol.Split finds the result of each item. When all items of
// the call have their results, from however many batches, Protocol.Reply makes
// the answer.
//
// # Who gets what
//
//   - JSON is passed on as it is written: large numbers, the order of keys and
//     unknown fields survive. White space around items does not.
//   - An answer of the upstream with a status of 300 or above reaches exactly
//     the callers of its batch: status, header and body.
//   - An answer that does not fit the batch (too few results, wrong ids, no
//     JSON) is status 502 to the callers of that batch.
//   - The gateway's own answers: 400 for a request that cannot be read, 413 for
//     one over a limit, 429 with Retry-After when too much is pending, 503 while
//     shutting down, 504 at the route's timeout, 502 for no answer. Their body
//     is {"error":{"type","message","reason"},"status"}, unless the protocol is an
//     Explainer.
//   - Server-Timing says how long the call queued, how long the upstream took,
//     in which batches it was, how large they were and what started them.
//   - The items of a caller that hangs up before its batch starts are not sent;
//     when all callers of a batch have hung up, the upstream call is aborted.
//   - Cookies, warnings and the attributes of an event (Set-Cookie, Warning,
//     Ce-…) in the answer to a batch are dropped.
//
// # Protocols
//
// Each is one type, and passes the same tests: [KServeV1], [OIPv2],
// [OpenAIEmbeddings], [ESBulk], [JSONRPC], [JSONArray], which suits any endpoint
// that takes an array and answers with one, and [Exec], which with a [Program]
// needs no server at all. Any other is an implementation of [Protocol].
//
// # Reload, and other machines
//
// A [Swap] replaces one Handler by another without refusing a request. A
// [Dispatcher] may form and process batches anywhere: keys, items and outcomes
// are plain data, and [Route.Process] is the worker's side of it.
package gateway
