package natsbatch

import "time"

// stay keeps a delivery for which the queue has no room. It waits here as
// long as it would there, and then runs again: nothing may wait for room
// for ever, since the queue may be full of what waits. It counts as requests that are
// yet to run, so that the worker takes fewer others. A worker that shuts down has the
// server deliver it again.
func (w *Worker) stay(d *delivery, wait time.Duration) {
	if w.isDraining() {
		w.giveBack(d, wait)
		return
	}
	w.leases.take(d)
	w.collector.held(d.line, len(d.envelope.Requests))
	w.later(func() { w.await(d, time.Now().Add(wait)) })
}

// await puts a delivery back if there is room before its time has come.
func (w *Worker) await(d *delivery, until time.Time) {
	for {
		sleep(w.open, min(persistPause, time.Until(until)))
		left := time.Until(until)
		switch {
		case w.open.Err() != nil:
			w.giveBack(d, max(0, left))
			w.release(d)
			return
		case left <= 0:
			w.enqueue(d)
			return
		}
		before := len(d.envelope.Requests)
		d.envelope.DelayMS = uint64(left.Milliseconds())
		err := w.part(d, d.envelope, d.envelope.Requests)
		if stored := before - len(d.envelope.Requests); stored > 0 {
			w.collector.freed(d.line, stored)
		}
		if noRoom(err) {
			continue
		}
		if err == nil {
			w.acknowledge(d)
		}
		w.release(d)
		return
	}
}
