// Package e2e tests natsbatch end to end: real processes on loopback that are
// killed, frozen, cut off and robbed of power, while an oracle notes what was
// acknowledged, run and answered. It is not released: it needs the server,
// which users of natsbatch should not inherit.
//
//	go test -race .             # what CI runs, about two minutes
//	go test -race . -full       # the counts that the promises are stated with, about four
//	go test -race . -run Worker -v
//	go run ./reach              # what natsbatch reaches, beside the server's own ceilings
//
// Each test tells one story of one promise:
//
//	do_test.go         each caller gets its own answer
//	worker_test.go     workers killed, stopped, frozen, at work for long
//	crash_test.go      a worker that dies between two of its steps
//	embedded_test.go   the whole in one process that is killed again and again
//	power_test.go      the machine dies
//	cluster_test.go    three servers, of which one or all die, or two are slow
//	reconnect_test.go  one server, away for a while
//	key_test.go        one id, submitted many times
//	future_test.go     results read elsewhere, later, too late
//	poison_test.go     requests that destroy whoever runs them
//	failure_test.go    errors, and how often they are tried again
//	overload_test.go   more than can be done
//	priority_test.go   the urgent among the many
//	tenant_test.go     who may not, and what is too large
//	conformance/       who gets what, one suite for the core and for natsbatch
//
// And what they are made of:
//
//	internal/proc      processes that play a role
//	internal/server    NATS servers in processes, one or three
//	internal/load      front ends and workers, in processes or not
//	internal/oracle    what happened, and what must never have
//	internal/disk      a file system that loses power
//	internal/ceiling   what the server gives without natsbatch
package e2e
