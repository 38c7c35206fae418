package natsbatch

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/gobatcher/batcher/natsbatch/internal/wire"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// receive takes a message from the collector.
func (w *Worker) receive(msg *nats.Msg, p Priority, now time.Time) {
	d, err := newDelivery(msg, p, now)
	if err != nil {
		return
	}
	w.collector.took(p, len(d.envelope.Requests), d.backlog > 0, now)
	w.leases.take(d)
	w.submit(w.pools[0], d.items())
}

// settle enters the verdicts of a batch: it replies to those who wait, and
// concludes each delivery of which it has the last.
func (w *Worker) settle(verdicts []verdict) {
	replies := make(map[string][]wire.Report)
	var complete []*delivery
	for _, v := range verdicts {
		d := v.item.from
		if d.envelope.Kind == wire.KindDo && !v.again {
			replies[d.envelope.From] = addOutcome(replies[d.envelope.From], d.envelope.Number, v.outcome())
		}
		if d.enter(v) {
			complete = append(complete, d)
		}
	}
	for frontEnd, reports := range replies {
		_ = w.nc.Publish(w.replySubject(frontEnd), wire.AppendReports(nil, reports...))
	}
	for _, d := range complete {
		w.conclude(d)
	}
}

func (v *verdict) outcome() wire.Outcome {
	return wire.Outcome{Index: v.item.req.Index, Status: v.status, Data: v.data}
}

// addOutcome adds an outcome to the report of its envelope.
func addOutcome(reports []wire.Report, number uint64, o wire.Outcome) []wire.Report {
	for i := range reports {
		if reports[i].Number == number {
			reports[i].Outcomes = append(reports[i].Outcomes, o)
			return reports
		}
	}
	return append(reports, wire.Report{Number: number, Outcomes: []wire.Outcome{o}})
}

// conclude stores what is to be kept of a delivery and acknowledges it.
func (w *Worker) conclude(d *delivery) {
	defer w.leases.drop(d)
	e := d.envelope
	report := wire.Report{Number: e.Number}
	for i := range d.verdicts {
		report.Outcomes = append(report.Outcomes, d.verdicts[i].outcome())
	}
	switch e.Kind {
	case wire.KindSubmit:
		if w.store(w.envelopeSubject(stored, e.From, e.Number), report) != nil {
			return
		}
	case wire.KindKey:
		if w.store(w.keySubject(stored, e.Requests[0].ID), report) != nil {
			return
		}
	}
	_ = w.nc.Publish(d.ack, ackDone)
}

// store stores a report; one that is there already stays.
func (w *Worker) store(subject string, report wire.Report) error {
	ctx, cancel := context.WithTimeout(w.ctx, 5*time.Second)
	defer cancel()
	_, err := w.js.PublishMsg(ctx, &nats.Msg{Subject: subject, Data: wire.AppendReports(nil, report)})
	var api *jetstream.APIError
	if errors.As(err, &api) && api.ErrorCode == storeFailed {
		return nil
	}
	return err
}

var _ = strconv.Itoa
