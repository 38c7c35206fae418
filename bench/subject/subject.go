// Package subject holds what the benchmarks compare: the floors, this module's Batcher in its modes, and the peers, each behind the same two methods.
package subject

import "time"

// Kind says what part a Subject plays in a comparison.
type Kind string

// The parts that a Subject plays.
const (
	Floor Kind = "floor" // the least code that does the work
	Ours  Kind = "ours"
	Peer  Kind = "peer"
)

// Names that goals and cells refer to.
const (
	FloorDirect       = "floor-direct"
	FloorChan         = "floor-chan"
	FloorMutex        = "floor-mutex"
	BatcherIdle       = "batcher-idle"
	BatcherIdleCancel = "batcher-idle-cancel"
	BatcherDelay      = "batcher-delay"
	KeyedOneKey       = "keyed-one-key"
)

// Settings are the same for every Subject.
type Settings struct {
	MaxSize  int            // most requests in a batch
	Delay    time.Duration  // longest wait for company, where the Subject has such a wait
	Handlers int            // batches processed at once, where the Subject can be told
	Work     func(size int) // called once in every batch, by whatever processes it; must be safe for concurrent use
}

// Service is a started Subject. It answers every request with the request itself.
type Service interface {
	// Caller returns a blocking call for the use of one goroutine at a time.
	// It may keep what can be reused from call to call, such as a channel.
	Caller() func(req int) (int, error)

	// Burst prepares a burst of n requests: submit(i) is called once for each i in [0, n), in order and by one goroutine, then collect(i)
	// once for each, in the same order, by the same goroutine. What is kept per request until it is collected is allocated here.
	Burst(n int) (submit func(i int), collect func(i int) (int, error))

	// Stop releases everything. Nothing may be in flight.
	Stop()
}

// Subject is one way to batch, with what a reader must know to compare it fairly.
type Subject struct {
	Name   string
	Kind   Kind
	Module string // module path, to look its version up; empty for floors
	Use    string // how it is used here

	Results  string // what a caller gets back beside an error
	Errors   string // how an error reaches a caller
	Contexts string // what a caller's context does
	Handlers string // what bounds the batches processed at once

	Start func(Settings) Service
}

// All returns every Subject of the do, burst and open workloads: floors, ours, peers.
func All() []Subject {
	return []Subject{
		floorDirect, floorChan, floorMutex,
		batcherIdle, batcherIdleCancel, batcherDelay, keyedOneKey,
		dataloaderPeer, dataloadgenPeer, gocloudPeer, bundlerPeer, resiliencyPeer, gozeroPeer, loPeer,
	}
}

// ByName returns the Subject of that name.
func ByName(name string) (Subject, bool) {
	for _, s := range All() {
		if s.Name == name {
			return s, true
		}
	}
	return Subject{}, false
}
