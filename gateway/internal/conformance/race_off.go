//go:build !race

package conformance

// mostGoroutines is all callers at once.
const mostGoroutines = 10000
