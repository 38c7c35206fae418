package natsbatch

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/gobatcher/batcher/natsbatch/internal/wire"
	"github.com/nats-io/nats.go"
)

// delivery is a message in the hands of a worker: an envelope of which not all
// requests are settled.
type delivery struct {
	envelope *wire.Envelope
	line     line
	priority Priority
	ack      string    // where the server hears of it
	count    int       // how often the server has delivered it
	stored   time.Time // when the server got it
	source   uint64    // the message's number in the stream
	sequence uint64    // counts the deliveries of the line, to any worker
	backlog  bool      // more messages wait behind it
	tries    int       // how often its requests have begun to run, as far as is known
	suspect  int       // how often that ended in a crash
	excused  int       // how often it was delivered before and did not run, as far as is known
	leave    func()    // gives up the places of the batch that settles it; nil: it has none
	ran      bool      // of what is left of it, some has
	holds    bool      // it holds up line again until there is room for it

	mu       sync.Mutex // guards what follows
	verdicts []verdict  // so far, without those that were replies: nothing is left to do for them
	replies  int        // how many those are
	touched  time.Time  // when the server was last told that it is worked on
}

// newDelivery reads a message of the request stream. Where the envelope cannot
// be read, the delivery has none, and the error says why.
func newDelivery(msg *nats.Msg, l line, now time.Time) (*delivery, error) {
	meta, err := msg.Metadata()
	if err != nil {
		return nil, fmt.Errorf("natsbatch: %w", err)
	}
	d := &delivery{line: l, ack: msg.Reply, count: int(meta.NumDelivered), stored: meta.Timestamp, source: meta.Sequence.Stream, sequence: meta.Sequence.Consumer, backlog: meta.NumPending > 0, touched: now}
	if d.envelope, err = wire.DecodeEnvelope(msg.Data); err != nil {
		return d, err
	}
	d.priority = priorityOf(d.envelope)
	d.tries, d.suspect = d.envelope.Tries, d.envelope.Suspect
	if again := d.redelivered(); again > 0 {
		d.tries += again
		d.suspect += again
	}
	return d, nil
}

// remainder returns what is left of a delivery, to be worked on here: e has its
// requests, and how often they have begun to run.
func (d *delivery) remainder(e *wire.Envelope) *delivery {
	return &delivery{envelope: e, line: d.line, priority: d.priority, ack: d.ack, count: d.count, stored: d.stored,
		source: d.source, sequence: d.sequence, backlog: d.backlog, tries: e.Tries, suspect: e.Suspect, ran: d.ran}
}

// priorityOf returns an envelope's priority.
func priorityOf(e *wire.Envelope) Priority {
	if e.Priority >= priorities {
		return PriorityNormal
	}
	return Priority(e.Priority)
}

// redelivered is how often the message was delivered before and neither settled nor
// put off nor excused.
func (d *delivery) redelivered() int {
	if d.envelope.DelayMS > 0 { // it was put off once, on arrival
		return max(0, d.count-2-d.excused)
	}
	return d.count - 1 - d.excused
}

// early reports whether the delivery is to be put off, and for how long. A message with
// a delay is put off once, for no longer than its delay, whatever the server's clock
// says; also when the delay has passed, or it could not be told later whether the
// first delivery ran.
func (d *delivery) early(now time.Time) (wait time.Duration, ok bool) {
	delay := time.Duration(d.envelope.DelayMS) * time.Millisecond
	wait = min(delay-now.Sub(d.stored), delay)
	return max(0, wait), d.count == 1 && d.envelope.DelayMS > 0
}

// items returns the requests as the Batcher takes them. One that is heavier than
// maxWeight counts as maxWeight, and so has a batch to itself; zero is no limit.
func (d *delivery) items(maxWeight int) []*item {
	all := make([]item, len(d.envelope.Requests))
	items := make([]*item, len(all))
	for i := range all {
		r := &d.envelope.Requests[i]
		all[i] = item{from: d, req: r, weight: len(r.Payload)}
		if maxWeight > 0 {
			all[i].weight = min(all[i].weight, maxWeight)
		}
		items[i] = &all[i]
	}
	return items
}

// enter notes a verdict and reports whether it was the last.
func (d *delivery) enter(v verdict) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	left := len(d.envelope.Requests) - len(d.verdicts) - d.replies
	if v.isReply() {
		d.replies++
	} else {
		d.verdicts = append(slices.Grow(d.verdicts, left), v)
	}
	return left == 1
}
