// Package clients has tests in which clients written by others talk to the
// gateway: the official ones of OpenAI and Elasticsearch, a JSON-RPC library, and
// curl. It is a module of its own, so the gateway's users need none of them.
package clients
