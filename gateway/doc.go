// Package gateway batches HTTP calls across callers, in front of an endpoint
// that takes many at once.
package gateway
