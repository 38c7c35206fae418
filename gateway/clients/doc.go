// Package clients has tests in which clients that others wrote talk to the
// gateway: the official ones of OpenAI and Elasticsearch, a JSON-RPC library,
// and curl. It is a module of its own, so that the gateway's users need none
// of them.
package clients
