package natsbatch

import (
	"github.com/gobatcher/batcher/natsbatch/internal/fault"
	"github.com/gobatcher/batcher/natsbatch/internal/wire"
)

// replyBytes bounds a reply. What exceeds it goes in another.
const replyBytes = 256 << 10

// settle enters the verdicts of a batch: it answers the Dos that wait, with
// one reply for each front end, and concludes each delivery of which it has
// the last verdict.
func (w *Worker) settle(verdicts []verdict) {
	fault.At(fault.Ran)
	w.reply(verdicts)
	fault.At(fault.Replied)
	var complete []*delivery
	for i := range verdicts {
		if d := verdicts[i].item.from; d.enter(verdicts[i]) {
			complete = append(complete, d)
		}
	}
	_ = concurrently(lookUps, len(complete), func(i int) error { w.conclude(complete[i]); return nil })
}

// reply sends the outcomes that front ends wait for.
func (w *Worker) reply(verdicts []verdict) {
	letters := make(map[string]*letter)
	for i := range verdicts {
		v := &verdicts[i]
		e := v.item.from.envelope
		if e.Kind != wire.KindDo || v.fate != answered {
			continue
		}
		l := letters[e.From]
		if l == nil {
			l = &letter{}
			letters[e.From] = l
		}
		o := v.outcome()
		if l.size > 0 && l.size+o.Size() > replyBytes {
			w.mail.send(w.replySubject(e.From), l.bytes())
			*l = letter{}
		}
		l.add(e.Number, o)
	}
	for frontEnd, l := range letters {
		w.mail.send(w.replySubject(frontEnd), l.bytes())
	}
}

// letter is a reply while it is written.
type letter struct {
	reports []wire.Report
	size    int
}

// add adds an outcome to the report of its envelope. The outcomes of one come
// in a row, or nearly.
func (l *letter) add(number uint64, o wire.Outcome) {
	l.size += o.Size()
	if last := len(l.reports) - 1; last >= 0 && l.reports[last].Number == number {
		l.reports[last].Outcomes = append(l.reports[last].Outcomes, o)
		return
	}
	l.reports = append(l.reports, wire.Report{Number: number, Outcomes: []wire.Outcome{o}})
}

func (l *letter) bytes() []byte {
	return wire.AppendReports(make([]byte, 0, l.size+16*len(l.reports)+16), l.reports...)
}

func (v *verdict) outcome() wire.Outcome {
	return wire.Outcome{Index: v.item.req.Index, Status: v.status, Data: v.data}
}
