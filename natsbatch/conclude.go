package natsbatch

import (
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"time"

	"github.com/gobatcher/batcher/natsbatch/internal/fault"
	"github.com/gobatcher/batcher/natsbatch/internal/wire"
)

// conclude finishes a delivery: it stores the results that are to be kept, stores
// again the requests that are to run again, and acknowledges. If a step fails,
// the server delivers the message again after AckWait. Requests for which the queue
// has no room stay here. A worker that shuts down and cannot store results puts
// their requests back as they came: redelivered, they would be suspect.
func (w *Worker) conclude(d *delivery) {
	defer w.leases.drop(d)
	defer w.hasRoom(d)
	var by [fates][]*verdict
	for i := range d.verdicts {
		v := &d.verdicts[i]
		if v.fate == retried && d.tries-d.suspect+1 >= w.runs() || v.fate == crashed && d.suspect+1 >= w.runs() {
			v.fate = dead
		}
		by[v.fate] = append(by[v.fate], v)
	}
	d.ran = d.ran || len(by[retried])+len(by[crashed]) > 0
	switch err := w.keep(d, &by); {
	case (isFull(err) || isMissing(err)) && w.open.Err() != nil:
		for _, v := range by[answered] {
			v.fate = handedBack
		}
		d.ran = true
		by[handedBack], by[answered] = append(by[handedBack], by[answered]...), nil
	case err != nil:
		w.letGo(d, err)
		return
	}
	fault.At(fault.Stored)
	left, err := w.again(d, by)
	switch {
	case err != nil:
		w.letGo(d, err)
	case left != nil:
		w.stay(d.remainder(left), time.Duration(left.DelayMS)*time.Millisecond)
	default:
		fault.At(fault.Parted)
		w.acknowledge(d)
	}
}

// letGo leaves a delivery that cannot be settled to the server.
func (w *Worker) letGo(d *delivery, why error) {
	if noRoom(why) {
		w.putOff(d, w.queue.AckWait)
	} // else AckWait decides, or another worker has it
}

// resultBytes bounds a report with the results of a whole envelope; results that
// exceed it are stored by themselves.
const resultBytes = 512 << 10

// keep stores the answers of requests whose results are kept. If it fails,
// by[answered] still has all that may not be stored.
func (w *Worker) keep(d *delivery, by *[fates][]*verdict) error {
	e := d.envelope
	all := by[answered]
	if e.Kind == wire.KindDo || len(all) == 0 && sameFate(d, by) {
		return nil
	}
	if e.Kind == wire.KindKey || e.Part {
		return w.keepEach(d, all)
	}
	report, apart := together(e, all, messageLimit(w.nc, resultBytes))
	// If another worker has claimed the envelope, this delivery is no longer
	// this worker's to acknowledge: what the other has yet to store would be lost.
	switch err := w.persist(d, resultMsg(w.queue.envelopeSubject(stored, e.From, e.Number), report), "result."+d.ack); {
	case isTooLarge(err) && len(report.Outcomes) > 0: // the server has come to let less pass
		return w.keep(d, by)
	case err != nil:
		return err
	}
	by[answered], d.envelope.Part = apart, true // from now on it is settled one by one
	return w.keepEach(d, apart)
}

// together returns a report with as many answers as have most bytes together, and the
// others.
func together(e *wire.Envelope, all []*verdict, most int) (report wire.Report, apart []*verdict) {
	report.Number = e.Number
	size := 0
	for _, v := range all {
		o := v.outcome()
		if size += o.Size(); size > most {
			apart = append(apart, v)
			continue
		}
		report.Outcomes = append(report.Outcomes, o)
	}
	report.Split = len(report.Outcomes) < len(e.Requests)
	return report, apart
}

// keepEach stores answers one by one; one that is there already stays.
func (w *Worker) keepEach(d *delivery, each []*verdict) error {
	e := d.envelope
	return concurrently(len(each), func(i int) error {
		v := each[i]
		err := w.store(d, w.queue.partSubject(e, v.item.req), wire.Report{Number: e.Number, Outcomes: []wire.Outcome{v.outcome()}},
			fmt.Sprintf("result.%s.%d", d.ack, v.item.req.Index))
		if errors.Is(err, errStored) {
			return nil
		}
		return err
	})
}

// sameFate reports whether nothing is answered and all share one fate that
// lets the envelope stay whole.
func sameFate(d *delivery, by *[fates][]*verdict) bool {
	n := len(d.envelope.Requests)
	return len(by[handedBack]) == n || len(by[retried]) == n || len(by[postponed]) == n
}

// again stores the requests that have no answer where they go on, and returns those
// for which the queue has no room.
func (w *Worker) again(d *delivery, by [fates][]*verdict) (left *wire.Envelope, err error) {
	for f, verdicts := range by {
		if fate(f) == answered || len(verdicts) == 0 {
			continue
		}
		e := w.rest(d, verdicts)
		switch fate(f) {
		case dead:
			e.Tries++
			if err := w.buryAll(d, e); err != nil {
				return nil, err
			}
			continue
		case handedBack:
			w.figures.handedBack.Add(uint64(len(verdicts)))
		case postponed:
			w.figures.retried.Add(uint64(len(verdicts)))
			e.DelayMS = uint64(w.delay(1, verdicts).Milliseconds())
		case crashed:
			e.Suspect++
			fallthrough
		case retried:
			w.figures.retried.Add(uint64(len(verdicts)))
			e.Tries++
			e.DelayMS = uint64(w.delay(e.Tries, verdicts).Milliseconds())
		}
		switch err := w.part(d, e, e.Requests); {
		case noRoom(err):
			left = merge(left, e)
		case err != nil:
			return nil, err
		}
	}
	return left, nil
}

// merge makes one envelope of two, of which a may be nil. It is as careful as the more
// careful one.
func merge(a, b *wire.Envelope) *wire.Envelope {
	if a == nil {
		return b
	}
	a.Tries, a.Suspect, a.DelayMS = max(a.Tries, b.Tries), max(a.Suspect, b.Suspect), max(a.DelayMS, b.DelayMS)
	a.Requests = append(a.Requests, b.Requests...)
	return a
}

// rest returns an envelope with the requests of these verdicts.
func (w *Worker) rest(d *delivery, verdicts []*verdict) *wire.Envelope {
	e := *d.envelope
	e.Tries, e.Suspect, e.DelayMS = d.tries, d.suspect, 0
	e.Part = e.Part || len(verdicts) < len(d.envelope.Requests)
	e.Requests = make([]wire.Request, len(verdicts))
	for i, v := range verdicts {
		e.Requests[i] = *v.item.req
		if v.fate != handedBack {
			e.Reason = string(v.data)
		}
	}
	return &e
}

// shorten cuts the text of a failure to maxReason.
func shorten(text string) string { return text[:min(len(text), maxReason)] }

// delay is how long requests wait for their next try: as long as Func asks at
// least, and up to half as much again by chance, so that they do not all come
// at once.
func (w *Worker) delay(try int, verdicts []*verdict) time.Duration {
	wait := max(0, w.backoff(try))
	for _, v := range verdicts {
		wait = max(wait, v.after)
	}
	wait = min(wait, longest)
	return wait + time.Duration(mrand.Int64N(int64(wait/2)+1))
}

// backoff is the caller's Backoff, or the default where that panics.
func (w *Worker) backoff(try int) (wait time.Duration) {
	defer func() {
		if recover() != nil {
			wait = defaultBackoff(try)
		}
	}()
	return w.opts.Backoff(try)
}
