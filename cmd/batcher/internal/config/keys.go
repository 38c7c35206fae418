package config

import "strings"

// key is one thing to set. Its name, with dots where the file nests, is also that
// of the flag, with dashes, and of the environment variable.
type key struct {
	name  string
	value value
	text  string // one or more sentences for the reference and for --help
}

// flag returns the name of the key's flag.
func (k key) flag() string { return strings.ReplaceAll(k.name, ".", "-") }

// EnvPrefix begins the names of the environment variables that set keys.
const EnvPrefix = "BATCHER_"

// env returns the name of the key's environment variable.
func (k key) env() string {
	return EnvPrefix + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(k.name))
}

// keys are those outside of routes.
func (c *Config) keys() []key {
	return []key{
		{"listen", text(&c.Listen), "Address of the service port, host:port. A port on all interfaces must be asked for: 0.0.0.0:8080."},
		{"upstream", text(&c.Upstream), "URL of the upstream of all routes that name no other, http or https. With it, requests that match no route are passed through to it; without it they are answered with status 404."},
		{"grace", duration(&c.Grace), "After SIGTERM or SIGINT, how long accepted requests may take before they are cut off."},
		{"drain-delay", duration(&c.DrainDelay), "After SIGTERM or SIGINT, how long requests are still served as before, while /readyz says no and connections are closed after an answer; grace begins after that. For senders of requests that take a while to hear of the end, such as a Service of Kubernetes. 0: not at all."},
		{"tokens", text(&c.Tokens), "File of bearer tokens, one a line; empty lines and lines that start with # are ignored. Requests to the service port must then have one of them in their Authorization header. The file is read again when it changes."},
		{"upstream-token", text(&c.Token), "File of a bearer token that is sent to upstreams in place of the caller's Authorization header; spaces and line ends around it are cut off. The file is read again when it changes. Empty: the caller's header is sent."},
		{"admin.listen", text(&c.Admin.Listen), "Address of the admin port, with /healthz, /readyz and /metrics; off for none. Strangers must not be able to reach it."},
		{"admin.probe", text(&c.Admin.Probe), "Path that /readyz asks every upstream for; a status below 400 means ready. Empty: an upstream that accepts a connection is ready. With store or nats no upstream is asked: the queue counts."},
		{"tls.cert", text(&c.TLS.Cert), "File of the service port's certificate chain in PEM. Empty: no TLS. The files of tls and upstream-tls are read again when they change."},
		{"tls.key", text(&c.TLS.Key), "File of the private key in PEM."},
		{"tls.client-ca", text(&c.TLS.ClientCA), "File of authorities in PEM, one of which must have signed a client's certificate. Empty: clients need none."},
		{"upstream-tls.ca", text(&c.Outbound.CA), "File of the authorities in PEM that upstreams' certificates are checked against. Empty: the system's."},
		{"upstream-tls.cert", text(&c.Outbound.Cert), "File of the certificate chain in PEM that is shown to upstreams. Empty: none is."},
		{"upstream-tls.key", text(&c.Outbound.Key), "File of its private key in PEM."},
		{"upstream-tls.server-name", text(&c.Outbound.ServerName), "Name that upstreams' certificates must have. Empty: the host of their URL."},
		{"limits.header", size(&c.Limits.Header), "Most bytes of a request's header; a longer one is answered with status 431, though up to 4 KiB more may pass."},
		{"limits.connections", number(&c.Limits.Connections), "Most connections to the service port at once; further ones wait to be accepted. At most twice as many go to an upstream. 0: no limit."},
		{"limits.header-time", duration(&c.Limits.HeaderTime), "How long a client may take to send a request's header; with HTTP/2, to send the first bytes of a connection, while limits.idle bounds the headers that follow."},
		{"limits.body-time", duration(&c.Limits.BodyTime), "How long a client may take to send the next part of a request's body; after that it is answered with status 408. If an upstream answers before it has all of a body, the HTTP/1 connection is closed after that answer, and the rest of the body has as long to arrive. What still comes of a body that was refused is dropped for as long, while no second passes without a part of it, so that clients that send all of it first see their answer; with HTTP/2 such clients may lose it."},
		{"limits.answer-time", duration(&c.Limits.AnswerTime), "How long a client may take to receive the next 64 KiB of an answer; after that its connection is closed, or with HTTP/2 its stream, and the connection if it takes nothing at all."},
		{"limits.idle", duration(&c.Limits.Idle), "How long a connection without a request is kept."},
		{"log.level", text(&c.Log.Level), "What is logged: debug, info, warn or error."},
		{"log.format", text(&c.Log.Format), "How: text or json, one line an event, on standard error."},
		{"log.access", yes(&c.Log.Access), "Whether each request is logged, at level info and up to 100ms later, but never its body, its query or a header."},
		{"tracing.endpoint", text(&c.Tracing.Endpoint), "URL that spans are sent to with OTLP over HTTP, such as http://localhost:4318; without a path it gets /v1/traces. Empty: no tracing."},
		{"tracing.ratio", ratio(&c.Tracing.Ratio), "Share of the requests without a traceparent of their own that is traced. A batch is traced if one of its requests is."},
		{"store", text(&c.Store), "Folder in which requests are kept until they are answered: every route is durable, by a queue in this process. Only one process can use it."},
		{"nats", text(&c.NATS), "URLs of NATS servers with JetStream, separated by commas: every route is durable, and its requests share batches with those of all other gateways there. Instead of store."},
		{"work", yes(&c.Work), "With nats: whether this process also calls the upstreams; if not, batcher worker does, elsewhere."},
		{"queue.namespace", text(&c.Queue.Namespace), "Keeps apart gateways on the same servers that are not to share anything."},
		{"queue.listen", text(&c.Queue.Listen), "With store: address on loopback at which other processes reach the queue, such as batcher worker and batcher dlq with --nats. Empty: none."},
		{"queue.credentials", text(&c.Queue.Credentials), "With nats: file of credentials for the servers, read at each connection to one. Empty: none."},
		{"queue.ca", text(&c.Queue.CA), "With nats: file of the authorities in PEM that servers' certificates are checked against. Empty: the system's, if a URL asks for TLS. This file, queue.cert and queue.key are read at the start only."},
		{"queue.cert", text(&c.Queue.Cert), "With nats: file of the certificate chain in PEM that is shown to servers. Empty: none."},
		{"queue.key", text(&c.Queue.Key), "With nats: file of its private key in PEM."},
		{"queue.replicas", number(&c.Queue.Replicas), "With nats: on how many servers everything is stored: 1, 3 or 5."},
		{"queue.max-bytes", size(&c.Queue.MaxBytes), "Most bytes on disk of the requests that wait, in the whole namespace; beyond that, requests are answered with status 429. Requests with Prefer: respond-async are from half of it on, since each needs more room in order to run, and one alone that takes over a quarter with 413."},
		{"queue.tries", number(&c.Queue.Tries), "How often a request with Prefer: respond-async is tried while its answer is 429, 502, 503 or 504, at intervals that grow from 0.1 s to 30 s, and by chance are up to half as long again, or as Retry-After says, up to 5 minutes; then it is a dead letter. 100 tries outlast an outage of 45 minutes. Refusals of the gateway itself do not count. 2 to 499,999."},
		{"queue.result-ttl", duration(&c.Queue.ResultTTL), "How long the answers to requests with Prefer: respond-async are kept."},
	}
}

// keys are those of one route.
func (r *Route) keys() []key {
	return []key{
		{"name", text(&r.Name), "Name in logs and metrics. Empty: the pattern."},
		{"pattern", text(&r.Pattern), "Which requests belong to the route: a pattern of Go's http.ServeMux such as POST /v1/embeddings, /v1/models/{rest...} or api.example.com/. The most specific one wins. A path with //, /./ or /../ in it matches none, nor does /a where there is /a/ and no other pattern for /a alone."},
		{"protocol", text(&r.Protocol), "How requests are joined and answers are split: kserve-v1, oip-v2, openai-embeddings, es-bulk, json-rpc, json-array or exec. Must be set."},
		{"upstream", text(&r.Upstream), "URL of the route's upstream, to which a request's path is appended. Empty: the one of all routes."},
		{"command", list{&r.Command}, "Protocol exec only: the program and its arguments."},
		{"items", text(&r.Items), "Protocol json-array only: JSON Pointer to the array of items in a request. Empty: the request is the array."},
		{"results", text(&r.Results), "Protocol json-array only: JSON Pointer to the array of results in an answer. Empty: the answer is the array."},
		{"headers", list{&r.Headers}, "Request headers that matter besides Authorization and Origin: only requests that are equal in all of them share a batch, and no other headers reach the upstream with a batch."},
		{"refuse", yes(&r.Refuse), "Whether requests that match the pattern but are not calls of the protocol are answered with status 404 instead of being passed through. It keeps nobody from an upstream at the top of the file, to which what matches no pattern is passed through, such as the same path with another slash in it."},
		{"isolate", yes(&r.Isolate), "Whether a batch that failed for what may be one item's fault is sent again in parts, by whole calls, until each culprit is alone: for n calls at most 2n-2 times more. Only for calls that may be repeated."},
		{"max-items", number(&r.MaxItems), "Most items in a batch. 0: the protocol's limit, or 64."},
		{"min-items", number(&r.MinItems), "Items that are enough to start a batch. 0: one, or with a delay never enough."},
		{"max-concurrent", number(&r.MaxConcurrent), "Most upstream calls, or with protocol exec most processes, at once. Negative: no limit; not for exec."},
		{"delay", duration(&r.Delay), "Longest wait for company, from a batch's first item. 0: none, items wait only while all upstream calls are busy. With a delay of timeout or more, calls whose batch does not fill get status 504."},
		{"target-time", duration(&r.TargetTime), "How long an upstream call should take at most: the size of batches adapts to it. 0: no target."},
		{"max-weight", number(&r.MaxWeight), "Most weight in a batch, in the protocol's unit; a heavier item is answered with status 413. 0: the protocol's limit, or none."},
		{"max-batch-bytes", size(&r.MaxBatchBytes), "Most bytes of items in a batch; a longer item is answered with status 413."},
		{"max-pending", number(&r.MaxPending), "Most items waiting or being processed; beyond that, calls are answered with status 429."},
		{"max-pending-bytes", size(&r.MaxPendingBytes), "Most bytes of requests being read, waiting or being processed; likewise. What counts is the memory taken for a body, unpacked, and until it is read also for the body as it came. With what is copied of it, a call keeps up to three times that; headers, up to 250 bytes for each item, and the index in the path of a bulk, which each write repeats, do not count."},
		{"max-body", size(&r.MaxBody), "Most bytes of a request that is a call; a longer one is answered with status 413."},
		{"max-answer", size(&r.MaxAnswer), "Most bytes of an upstream's answer to a batch; a longer one fails the batch with status 502."},
		{"timeout", duration(&r.Timeout), "Longest time until a request has its answer; after that it is answered with status 504, as soon as no part of its body is being waited for."},
	}
}
