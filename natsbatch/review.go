package natsbatch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	mrand "math/rand/v2"
	"slices"
	"time"

	"github.com/gobatcher/batcher/natsbatch/internal/fault"
	"github.com/gobatcher/batcher/natsbatch/internal/wire"
)

// review finds out what is left to do of a delivery that another worker may have
// worked on before: results that are stored are not worked out again, a
// request that was delivered too often goes to the dead letters without being
// run, and an envelope whose batch may have killed a process is divided.
func (w *Worker) review(d *delivery) {
	left, err := w.unsettled(d)
	for err != nil { // the server cannot say now
		switch {
		case w.open.Err() != nil:
			w.giveBack(d, 0)
		case w.nc.IsClosed() || isFull(err):
			w.letGo(d, err)
		default:
			sleep(w.open, persistPause)
			left, err = w.unsettled(d)
			continue
		}
		w.release(d)
		return
	}
	e, all := *d.envelope, d.envelope.Requests
	w.collector.freed(d.line, len(all)-len(left))
	e.Requests = left
	e.Part = e.Part || d.redelivered() > 0 // a claimed envelope is settled one by one
	d.envelope = &e
	switch {
	case len(left) == 0:
		w.acknowledge(d)
		w.leases.drop(d)
	case d.redelivered() > 0 && (d.line != lineAgain || len(left) > w.batchSize(d.suspect)):
		w.divide(d, all)
	case d.suspect >= w.runs():
		w.bury(d)
	default:
		w.enqueue(d)
	}
}

// runs is how often a request runs at most.
func (w *Worker) runs() int { return w.opts.MaxDeliveries - 1 }

// release lets a delivery go that this worker does not work on.
func (w *Worker) release(d *delivery) {
	w.collector.freed(d.line, len(d.envelope.Requests))
	w.leases.drop(d)
}

// unsettled returns the requests of a delivery that have no result yet. For a Do
// that is all: its results are not kept.
func (w *Worker) unsettled(d *delivery) ([]wire.Request, error) {
	if err := w.pardon(d); err != nil {
		return nil, err
	}
	e := d.envelope
	switch {
	case e.Kind == wire.KindDo:
		return e.Requests, nil
	case e.Kind == wire.KindSubmit && !e.Part:
		return w.claim(e)
	}
	return w.withoutResult(e, e.Requests)
}

// claim makes sure that the results of an envelope whose worker is gone are
// stored one by one from now on, so that this worker, should it come back, can
// no longer store them together. It returns the requests without a result.
func (w *Worker) claim(e *wire.Envelope) ([]wire.Request, error) {
	subject := w.queue.envelopeSubject(stored, e.From, e.Number)
	err := w.persistNow(resultMsg(subject, wire.Report{Number: e.Number, Split: true}), noID)
	if err == nil {
		return e.Requests, nil
	}
	if !errors.Is(err, errStored) {
		return nil, err
	}
	report, err := w.find(w.ctx, subject)
	switch {
	case errors.Is(err, errUnreadable):
		return nil, nil // it stays the result, and Get says so
	case err != nil:
		return nil, err
	case report == nil: // its time was up, just now
		return w.claim(e)
	case !report.Split:
		return nil, nil
	}
	has := make(map[uint64]bool, len(report.Outcomes))
	for _, o := range report.Outcomes {
		has[o.Index] = true
	}
	var open []wire.Request
	for _, r := range e.Requests {
		if !has[r.Index] {
			open = append(open, r)
		}
	}
	return w.withoutResult(e, open)
}

// withoutResult returns those of reqs that have no result stored by itself.
func (w *Worker) withoutResult(e *wire.Envelope, reqs []wire.Request) ([]wire.Request, error) {
	found, err := w.areStored(w.ctx, len(reqs), func(i int) string { return w.queue.partSubject(e, &reqs[i]) })
	if err != nil {
		return nil, err
	}
	var open []wire.Request
	for i := range reqs {
		if !found[i] {
			open = append(open, reqs[i])
		}
	}
	return open, nil
}

// divide stores the requests of a delivery again in smaller envelopes, and finishes
// it; all has the requests of its message, including settled ones. If the queue
// has no room, they run here in batches that are as small.
func (w *Worker) divide(d *delivery, all []wire.Request) {
	defer w.release(d)
	fault.At(fault.Divided)
	e, times := *d.envelope, 1
	if d.line == lineAgain { // whose messages a worker has one at a time: each time they began to run
		times = min(d.redelivered(), max(1, w.runs()-1-e.Suspect)) // they run alone before they are given up
	}
	e.Tries, e.Suspect, e.DelayMS = e.Tries+times, e.Suspect+times, 0
	e.Reason = fmt.Sprintf("a worker took it and did not settle it (delivery %d)", d.count)
	switch err := w.part(d, &e, all); {
	case err == nil:
		fault.At(fault.Cut)
		w.acknowledge(d)
	case noRoom(err):
		left := d.remainder(&e)
		left.suspect = min(d.suspect, w.runs()-1)
		left.tries = d.tries - d.suspect + left.suspect
		w.stay(left, w.caution(d))
	}
}

// caution is how long a delivery waits for room before it runs here: not at all as
// long as its batches get smaller each time that it kills a worker. After that it must
// not come before all others each time, or they would never make room.
func (w *Worker) caution(d *delivery) time.Duration {
	if d.suspect < w.runs() {
		return 0
	}
	return mrand.N(w.queue.AckWait)
}

// part stores what is left of a delivery, in parts that each fit one batch if
// it is suspect. Where that fails the envelope keeps what is not stored.
//
// The parts are cut from all, of which e.Requests are left, in the same order.
// If a worker dies of one part before it has acknowledged the message, the next
// one cuts again, when more is settled; it must come upon the same parts, else a
// request that kills runs in both.
func (w *Worker) part(d *delivery, e *wire.Envelope, all []wire.Request) error {
	l, size := line(priorityOf(e)), max(1, len(all))
	if e.Suspect > 0 {
		l, size = lineAgain, w.batchSize(e.Suspect)
		e.Part = true
	}
	for stretch := range slices.Chunk(all, size) {
		if err := w.partOne(d, e, l, stretch); err != nil {
			return err
		}
	}
	return nil
}

// partOne stores what is left of a stretch, as two parts where the server has come to
// let less pass.
func (w *Worker) partOne(d *delivery, e *wire.Envelope, l line, stretch []wire.Request) error {
	n := 0 // are left
	for i := range stretch {
		if n < len(e.Requests) && e.Requests[n].Index == stretch[i].Index {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	part := *e
	part.Requests = e.Requests[:n]
	err := w.persistEnvelope(l, &part, partID(d, e, stretch))
	switch {
	case isTooLarge(err) && n > 1:
		e.Part = true
		half := len(stretch) / 2
		if err := w.partOne(d, e, l, stretch[:half]); err != nil {
			return err
		}
		return w.partOne(d, e, l, stretch[half:])
	case err == nil:
		e.Requests = e.Requests[n:]
	}
	return err
}

// partID is the same only for the same part of the same message, so that the
// stream knows one that it has from a worker that has died since, and keeps
// what is handed back twice.
func partID(d *delivery, e *wire.Envelope, stretch []wire.Request) string {
	h := fnv.New64a()
	for i := range stretch {
		_ = binary.Write(h, binary.BigEndian, stretch[i].Index) // never fails
	}
	return fmt.Sprintf("part.%d.%x.%d.%d", d.source, h.Sum64(), e.Tries, e.Suspect)
}
