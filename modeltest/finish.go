package modeltest

import (
	"fmt"
	"time"

	"github.com/gobatcher/batcher"
)

// windUp brings everything to its end: Close, and Shutdown where Close would
// wait for ever. A Batcher at rest may be dropped without either.
func (d *driver) windUp(p Plan) {
	d.look()
	switch {
	case d.over():
	case d.subject == nil:
		d.windUpHand()
	case p.Drop && d.atRest():
		d.note("dropped without Close")
	default:
		operations[p.End.Kind].do(d, p.End)
		d.sleepOut()
		if !d.over() && !d.atRest() {
			d.opShutdown(Op{})
		}
	}
	d.sleepOut()
}

// windUpHand starts the batch by hand, or cancels it, and has its callers
// leave, so that Func returns.
func (d *driver) windUpHand() {
	d.opStart(Op{})
	d.opCancelBatch(Op{})
	d.sleepOut()
	for i := range d.calls {
		if !d.over() {
			d.opCancel(Op{Pick: i})
		}
	}
	d.look()
}

// atRest reports whether nothing is pending or in Func.
func (d *driver) atRest() bool {
	for _, w := range d.worlds {
		if w.pending() > 0 || w.busy() > 0 || len(w.line) > 0 {
			return false
		}
	}
	return true
}

// finalChecks are those that need every answer.
func (d *driver) finalChecks() {
	d.look()
	switch {
	case d.lost:
		d.checkReleased()
		return
	case d.failed():
		return
	}
	d.check(d.atRest(), "not at rest at the end")
	d.checkSums()
	d.keep(d.compareAnswers)
}

// compareAnswers asks for every answer twice more, with a context that has
// ended.
func (d *driver) compareAnswers(w *world) string {
	for _, c := range d.calls {
		if c.do {
			continue
		}
		for range 2 {
			value, err := c.future.Wait(settled)
			if fault := w.compareFuture(c, value, err); fault != "" {
				return "at the end " + fault
			}
		}
		if !isDone(c.future.Done()) {
			return fmt.Sprintf("at the end #%d is not Done", c.ID)
		}
	}
	for h, b := range d.handles {
		results, err := b.Results(settled)
		if fault := d.compareResults(h, results, err, w); fault != "" {
			return fault
		}
		if b.State() < batcher.StateDone {
			return fmt.Sprintf("handle %d is %v at the end", h, b.State())
		}
	}
	for _, r := range d.waits {
		if fault := d.compareWait(r, w); fault != "" {
			return fault
		}
	}
	return ""
}

// checkSums checks what must hold at rest, whatever the model says.
func (d *driver) checkSums() {
	if d.keyed != nil {
		d.check(d.keyed.Len() == 0, "Len is %d at rest", d.keyed.Len())
	}
	if d.subject == nil {
		return
	}
	s := d.Stats()
	d.check(s.Pending == 0 && s.Running == 0, "at rest: %d pending, %d running", s.Pending, s.Running)
	d.check(s.Submitted == s.Succeeded+s.Failed+s.Canceled, "at rest: Stats do not add up: %+v", s)
	d.check(s.Submitted+s.Rejected == uint64(len(d.calls)), "at rest: %d requests were made: %+v", len(d.calls), s)
	sum := uint64(0)
	for t := range batcher.TriggerClose + 1 {
		sum += s.Started(t)
	}
	d.check(sum == s.Batches, "at rest: %d batches, by trigger %d", s.Batches, sum)
}

// checkReleased ends what still runs and checks what needs no model: nobody is
// left without an answer, and the sums hold.
func (d *driver) checkReleased() {
	d.release()
	time.Sleep(time.Minute) // longer than any Func
	d.quiesce()
	for _, c := range d.calls {
		if c.known && !isDone(c.future.Done()) || c.reply == nil && (c.do || c.watch < WatchPoll) {
			d.check(false, "at the end #%d has no answer", c.ID)
		}
	}
	d.checkSums()
}

// cleanUp lets every goroutine of the run end, also after a fault.
func (d *driver) cleanUp() {
	for j := range d.shared {
		d.shared[j].cancel(nil)
	}
	if d.failed() {
		d.release()
	}
	for _, cancel := range d.cancels {
		cancel()
	}
	if d.workers != nil {
		close(d.workers.quit)
	}
}

// release ends what still runs of a plan that is not to go on.
func (d *driver) release() {
	for _, c := range d.calls {
		if c.known {
			c.future.Cancel()
		}
	}
	for _, b := range d.handles {
		b.Cancel()
	}
	if d.subject != nil {
		_ = d.Shutdown(settled)
	}
}
