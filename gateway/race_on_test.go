//go:build race

package gateway_test

// mostPerCall allows for the race detector's larger stacks.
const mostPerCall = 14000
