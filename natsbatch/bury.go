package natsbatch

import (
	"errors"
	"fmt"
	"sync"

	"github.com/gobatcher/batcher/natsbatch/internal/fault"
	"github.com/gobatcher/batcher/natsbatch/internal/wire"
	"github.com/nats-io/nats.go"
)

// bury moves all requests of a delivery to the dead letters: they were
// delivered too often.
func (w *Worker) bury(d *delivery) {
	defer w.leases.drop(d)
	d.leave = sync.OnceFunc(func() { w.collector.freed(d.line, len(d.envelope.Requests)) })
	defer d.leave()
	e := *d.envelope
	e.Tries = d.tries
	reason := fmt.Sprintf("a worker took it and did not settle it (delivery %d)", d.tries+1)
	if e.Reason != "" {
		reason += "; before that: " + e.Reason
	}
	e.Reason = shorten(reason)
	defer w.hasRoom(d)
	if err := w.buryAll(d, &e); err != nil {
		w.letGo(d, err)
		return
	}
	w.acknowledge(d)
}

// buryAll stores each request of an envelope as a dead letter, and that it is dead as
// its result, or as the answer to its Do.
func (w *Worker) buryAll(d *delivery, e *wire.Envelope) error {
	err := concurrently(len(e.Requests), func(i int) error { return w.buryOne(d, e, e.Requests[i]) })
	if err == nil {
		w.figures.dead.Add(uint64(len(e.Requests)))
	}
	return err
}

// errUntold: it is not known whether a reply has come, and it is not stored.
var errUntold = errors.New("natsbatch: the reply was neither answered nor stored")

func (w *Worker) buryOne(d *delivery, e *wire.Envelope, r wire.Request) error {
	one := *e
	one.Part, one.Requests = true, []wire.Request{r}
	letter := nats.NewMsg(w.queue.deadSubject())
	letter.Data = one.Append(nil)
	subject := w.queue.partSubject(e, &r)
	id := fmt.Sprintf("dead.%s.%d", subject, e.Lives) // a request has one letter, whichever worker writes it
	if err := w.persistLetter(d, letter, id, e.Reason); err != nil {
		return err
	}
	fault.At(fault.Buried)
	report := wire.Report{Number: e.Number, Outcomes: []wire.Outcome{{Index: r.Index, Status: wire.StatusDead, Data: []byte(e.Reason)}}}
	if e.Kind == wire.KindDo {
		if !w.settled(w.mail.send(e.From, wire.AppendReports(nil, report)), d) {
			return errUntold
		}
		return nil
	}
	if err := w.store(d, subject, report, id); err != nil && !errors.Is(err, errStored) {
		return err
	}
	return nil
}

// persistLetter stores a dead letter. One that is larger than the server allows, if
// only because of the header with the reason, is cut to fit, and can no longer be
// read by a program.
func (w *Worker) persistLetter(d *delivery, letter *nats.Msg, id, why string) error {
	err := w.persist(d, letter, id)
	if isTooLarge(err) {
		letter.Header.Set(reasonHeader, shorten(why))
		letter.Data = letter.Data[:messageLimit(w.nc, len(letter.Data))]
		err = w.persist(d, letter, id)
	}
	return err
}
