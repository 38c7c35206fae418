//go:build !race

package gateway_test

// mostPerCall bounds the bytes that a call which waits takes.
const mostPerCall = 10000
