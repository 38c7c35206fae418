// Package batcher groups single requests into batches.
package batcher
