// Package workload measures one cell at a time: a workload, its size, and the subject that does it.
package workload

import (
	"fmt"
	"time"

	"github.com/gobatcher/batcher/bench/subject"
)

// The settings that every subject shares.
const (
	MaxSize  = 64
	Delay    = time.Millisecond
	FuncTime = 2 * time.Millisecond // what Func sleeps in Open; elsewhere it returns at once

	// OpenHandlers is how many batches may run at once in Open, for every subject in which that can be set; in other workloads it is 1. The highest load needs 1.6
	// full batches at once, and 8 leave room for batches that are not full.
	OpenHandlers = 8
)

// Name is a workload's name, the first part of its cells' names.
type Name string

// The workloads.
const (
	Do      Name = "do"      // callers, each in a loop of blocking calls
	Burst   Name = "burst"   // one goroutine submits many requests, then collects all answers
	Open    Name = "open"    // requests arrive at a rate, whatever the answers do
	Keys    Name = "keys"    // one request for each of many keys
	Backlog Name = "backlog" // many requests pending behind a busy slot
	Load    Name = "load"    // one caller loads many keys that nobody has loaded before
)

// Budget bounds what one cell costs.
type Budget struct {
	Time        time.Duration // how long a cell measures, after it has warmed up: for a tenth of it, or with one pass where passes are repeated
	MinRequests int           // Do goes on beyond Time until it expects this many
	OpenTime    time.Duration // how long requests arrive in Open, after OpenWarmup
	Burst       int           // requests in one burst
}

// Full is for figures that are kept, Short for development and CI.
var (
	Full  = Budget{Time: 500 * time.Millisecond, MinRequests: 400, OpenTime: time.Second, Burst: 1_000_000}
	Short = Budget{Time: 120 * time.Millisecond, MinRequests: 60, OpenTime: 200 * time.Millisecond, Burst: 100_000}
)

// Cell is what is measured: one subject in one workload. Size counts callers in Do, requests in Burst and Backlog, requests a second in Open, keys in Keys
// and Load.
type Cell struct {
	Workload Name
	Size     int
	Subject  string
}

func (c Cell) String() string { return fmt.Sprintf("%s/%d/%s", c.Workload, c.Size, c.Subject) }

// Result is what one run of a cell measured. What a workload does not measure is 0.
type Result struct {
	Cell      Cell
	Requests  int
	Ns        float64 // a request, from the first call to the last answer
	First     float64 // Ns of the pass that warms up, where passes are repeated; it does not count otherwise
	Allocs    float64 // a request
	Bytes     float64 // allocated a request
	P50, P99  float64 // latency in ns
	MeanBatch float64
	Live      float64 // heap bytes a key while all requests are pending
	Left      float64 // heap bytes a key once all are answered
	Distance  float64 // between two cores, before the run: ns that a cache line takes to the other and back; 0 where there is one core
}

// Run measures the cell in this process. seed fixes the arrivals of Open. An answer that is wrong or missing is an error.
func (c Cell) Run(b Budget, seed uint64) (Result, error) {
	var result Result
	var err error
	apart := distance()
	switch c.Workload {
	case Keys:
		result, err = runKeys(c.Size, b)
	case Backlog:
		result, err = runBacklog(c.Size, b)
	case Load:
		result, err = runLoad(c, b)
	default:
		result, err = c.runSubject(b, seed)
	}
	result.Cell, result.Distance = c, apart
	if err != nil {
		return result, fmt.Errorf("%v: %w", c, err)
	}
	return result, nil
}

func (c Cell) runSubject(b Budget, seed uint64) (Result, error) {
	s, ok := subject.ByName(c.Subject)
	if !ok {
		return Result{}, fmt.Errorf("no such subject")
	}
	switch c.Workload {
	case Do:
		return runDo(s, c.Size, b)
	case Burst:
		return runBurst(s, c.Size, b)
	case Open:
		return runOpen(s, c.Size, b, seed)
	}
	return Result{}, fmt.Errorf("no such workload")
}

// wrong says what is wrong with the answer to req.
func wrong(req, res int, err error) error {
	if err != nil {
		return fmt.Errorf("request %d: %w", req, err)
	}
	return fmt.Errorf("request %d was answered with %d", req, res)
}
