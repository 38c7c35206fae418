package natsbatch

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// mostOverdue is how many deliveries may wait in a worker for room in one
// stream. The server keeps what is beyond, and delivers it again.
const mostOverdue = 256

// overdue knows what a worker cannot store now.
type overdue struct {
	mu      sync.Mutex            // guards what follows
	waiting map[*delivery]string  // for room in a stream
	faults  map[string]storeFault // of streams
}

// storeFault is why a stream did not take a message.
type storeFault struct {
	err       error
	since, at time.Time // it first did not, and last
}

// failed notes that a stream did not take a message, and returns how long it has not.
func (o *overdue) failed(stream string, err error) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.faults == nil {
		o.faults = make(map[string]storeFault)
	}
	f := o.faults[stream]
	f.err, f.at = err, time.Now()
	if f.since.IsZero() {
		f.since = f.at
	}
	o.faults[stream] = f
	return f.at.Sub(f.since)
}

// stored notes that a stream took a message.
func (o *overdue) stored(stream string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.faults, stream)
}

// enter notes that a delivery waits. It reports whether this is new, and
// whether it may.
func (o *overdue) enter(d *delivery, stream string) (first, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.waiting[d]; ok {
		return false, true
	}
	if d.line != lineAgain && o.count(stream) >= mostOverdue { // of that line there is one more
		return false, false
	}
	if o.waiting == nil {
		o.waiting = make(map[*delivery]string)
	}
	o.waiting[d] = stream
	return true, true
}

// leave notes that a delivery waits no more.
func (o *overdue) leave(d *delivery) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.waiting, d)
}

// many reports whether no more may wait for a stream.
func (o *overdue) many(stream string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.count(stream) >= mostOverdue
}

// count counts those that wait for a stream. o.mu is held.
func (o *overdue) count(stream string) (n int) {
	for _, s := range o.waiting {
		if s == stream {
			n++
		}
	}
	return n
}

// err says for which streams deliveries wait, and which have failed to take a message
// since then and have taken none after it.
func (o *overdue) err(since time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	told := make(map[string]error)
	for _, stream := range o.waiting {
		told[stream] = fmt.Errorf("%d messages wait for room in stream %s", o.count(stream), stream)
	}
	for stream, f := range o.faults {
		if f.at.After(since) {
			told[stream] = errors.Join(told[stream], fmt.Errorf("a message for stream %s cannot be stored: %w", stream, f.err))
		}
	}
	return errors.Join(slices.Collect(maps.Values(told))...)
}

// waitForRoom reports whether a delivery may wait for room in a stream. One that
// waits gives up its place among the batches that are not settled, and its place in
// line again, so that requests which need no room run meanwhile; if many wait, that
// line is held up too. In a worker that shuts down none may wait.
func (w *Worker) waitForRoom(d *delivery, stream string) bool {
	if w.open.Err() != nil {
		return false
	}
	first, ok := w.overdue.enter(d, stream)
	if !first {
		return ok
	}
	if d.line == lineAgain && w.overdue.many(stream) {
		d.holds = true
		w.collector.held(lineAgain, 1) // which is one at a time
	}
	if d.leave != nil {
		d.leave()
	}
	return ok
}

// hasRoom notes that a delivery no longer waits.
func (w *Worker) hasRoom(d *delivery) {
	w.overdue.leave(d)
	if d.holds {
		w.collector.freed(lineAgain, 1)
	}
}
