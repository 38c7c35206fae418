package pipe

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// ledger counts what has happened to the lines, and knows which have not been
// answered. All methods are safe for concurrent use.
type ledger struct {
	read    atomic.Int64 // the number of the last line read
	batches atomic.Int64 // given to the command
	batched atomic.Int64 // lines in them

	mu      sync.Mutex
	printed int64 // guarded by mu
	failed  int64 // guarded by mu
	settled spans // guarded by mu; printed or reported
}

// settle notes lines as printed or reported as failed.
func (l *ledger) settle(lines spans, failed int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.printed += lines.count() - failed
	l.failed += failed
	for _, s := range lines {
		l.settled.add(s)
	}
}

// unanswered returns the lines that were read and are not settled.
func (l *ledger) unanswered() spans {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.settled.missing(l.read.Load())
}

func (l *ledger) counts() (read, printed, failed int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.read.Load(), l.printed, l.failed
}

// String is the progress line.
func (l *ledger) String() string {
	read, printed, failed := l.counts()
	batches := l.batches.Load()
	mean := float64(l.batched.Load()) / float64(max(1, batches))
	return fmt.Sprintf("lines in %d, out %d, failed %d; batches %d, mean size %.1f", read, printed, failed, batches, mean)
}
