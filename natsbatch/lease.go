package natsbatch

import (
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// Words of the acknowledgement protocol.
var (
	ackDone     = []byte("+ACK")
	ackProgress = []byte("+WPI")
)

// leases are the deliveries that a worker holds. It tells the server of each,
// at a third of AckWait, that it is worked on.
type leases struct {
	nc   *nats.Conn
	wait time.Duration

	mu    sync.Mutex // guards what follows
	held  map[*delivery]struct{}
	timer *time.Timer // nil while nothing is held
	shut  bool
}

func (l *leases) take(d *delivery) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == nil {
		l.held = make(map[*delivery]struct{})
	}
	l.held[d] = struct{}{}
	if l.timer == nil && !l.shut {
		l.timer = time.AfterFunc(l.wait/6, l.extend)
	}
}

func (l *leases) drop(d *delivery) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.held, d)
}

// extend tells the server of all that is held for a sixth of AckWait or
// longer, which with the timer's own sixth makes a third.
func (l *leases) extend() {
	l.mu.Lock()
	now := time.Now()
	var due []string
	for d := range l.held {
		d.mu.Lock()
		if now.Sub(d.touched) >= l.wait/6 {
			d.touched = now
			due = append(due, d.ack)
		}
		d.mu.Unlock()
	}
	switch {
	case l.shut || len(l.held) == 0:
		l.timer = nil
	default:
		l.timer.Reset(l.wait / 6)
	}
	l.mu.Unlock()
	for _, ack := range due {
		_ = l.nc.Publish(ack, ackProgress) // else it goes to another worker
	}
}

func (l *leases) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shut = true
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
}
