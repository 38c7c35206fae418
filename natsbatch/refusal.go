package natsbatch

import (
	"errors"
	"fmt"
	"time"
)

// refusal is what the collector knows of pulls of a line that the server does
// not serve: the consumer was deleted, JetStream is off, or there is no answer. The
// zero refusal means that they are served.
type refusal struct {
	why   string        // "": they are served
	since time.Time     // when that began
	pause time.Duration // between pulls
	until time.Time     // when the next may be sent
}

const (
	firstPause = 10 * time.Millisecond
	mostPause  = time.Second
	// refusedFor is how long pulls are refused before Health says so: when one
	// server takes over from another, it takes less.
	refusedFor = time.Second
)

// note notes that a pull was not served.
func (r *refusal) note(why string, now time.Time) {
	if r.why == "" {
		r.since = now
	}
	r.why = why
}

// back notes that a pull came back at once, and so puts the next one off. Pulls that
// come back meanwhile were sent before.
func (r *refusal) back(why string, now time.Time) {
	r.note(why, now)
	if now.Before(r.until) {
		return
	}
	r.pause = min(max(firstPause, 2*r.pause), mostPause)
	r.until = now.Add(r.pause)
}

// isServed reports whether a pull ended in one of the ways that are to be expected.
func isServed(status, description string) bool {
	switch status {
	case "404", "408": // there is no message, or its time is up
		return true
	case "409": // else the consumer is gone, or moves
		return description == "Batch Completed" || description == "Message Size Exceeds MaxBytes"
	}
	return false
}

// err says which lines are not served, and why.
func (c *collector) err(now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for _, which := range order {
		if r := c.lanes[which].refused; r.why != "" && now.Sub(r.since) > refusedFor {
			errs = append(errs, fmt.Errorf("pulls for consumer %s: %s", c.w.queue.consumer(which), r.why))
		}
	}
	return errors.Join(errs...)
}
