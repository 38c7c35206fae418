//go:build race

package conformance

// mostGoroutines keeps below what the race detector can bear.
const mostGoroutines = 2000
