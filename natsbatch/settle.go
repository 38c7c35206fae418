package natsbatch

import (
	"sync"

	"github.com/gobatcher/batcher/natsbatch/internal/fault"
	"github.com/gobatcher/batcher/natsbatch/internal/wire"
)

// replyBytes bounds a reply. Outcomes that exceed it go in another one.
const replyBytes = 256 << 10

// reportBytes is what a report takes beside its outcomes.
const reportBytes = 16

// settle enters the verdicts of a batch: it answers the Dos that wait, with
// one reply for each front end, and concludes each delivery whose last verdict this
// batch has. It calls leave if that has to wait for room.
func (w *Worker) settle(verdicts []verdict, leave func()) {
	fault.At(fault.Ran)
	replies := w.reply(verdicts)
	fault.At(fault.Replied)
	w.enter(verdicts, leave, func(v *verdict) bool { return !v.isReply() })
	if len(replies) == 0 {
		return
	}
	if w.mail.many() { // but slow ones must not fill the memory
		w.settleReplies(verdicts, replies)
		return
	}
	w.later(func() { w.settleReplies(verdicts, replies) }) // a front end that is gone must hold up no others
}

// settleReplies enters the verdicts in letters: when all letters have come or are
// given up those of the first, and the others, front end by front end, when they are
// stored.
func (w *Worker) settleReplies(verdicts []verdict, letters []*letter) {
	var missed map[string][]*letter
	for _, l := range letters {
		if <-l.done; l.receipt == come {
			continue
		}
		if missed == nil {
			missed = make(map[string][]*letter)
		}
		missed[l.to] = append(missed[l.to], l)
	}
	w.enter(verdicts, func() {}, func(v *verdict) bool { return v.isReply() && missed[v.item.from.envelope.From] == nil })
	var rest sync.WaitGroup
	for to, letters := range missed {
		rest.Go(func() {
			w.settleMissed(verdicts, letters, func(v *verdict) bool { return v.isReply() && v.item.from.envelope.From == to })
		})
	}
	rest.Wait()
}

// settleMissed enters the verdicts that which picks when the letters that hold them
// are all settled. If one is not, the server delivers their requests again after AckWait.
func (w *Worker) settleMissed(verdicts []verdict, letters []*letter, which func(*verdict) bool) {
	all := &delivery{} // stands for those of these verdicts
	defer w.hasRoom(all)
	for _, l := range letters {
		if w.settled(l, all) {
			continue
		}
		for i := range verdicts {
			if v := &verdicts[i]; which(v) {
				w.leases.drop(v.item.from)
			}
		}
		return
	}
	w.enter(verdicts, func() {}, which)
}

// isReply reports whether the verdict goes to a front end that waits.
func (v *verdict) isReply() bool {
	return v.item.from.envelope.Kind == wire.KindDo && v.fate == answered
}

// enter enters those verdicts that which picks.
func (w *Worker) enter(verdicts []verdict, leave func(), which func(*verdict) bool) {
	var complete sync.WaitGroup
	defer complete.Wait()
	for i := range verdicts {
		if v := &verdicts[i]; which(v) && v.item.from.enter(*v) {
			d := v.item.from
			d.leave = leave
			complete.Go(func() { w.conclude(d) }) // of which none waits for another
		}
	}
}

// reply sends the outcomes that front ends wait for, and returns the letters.
func (w *Worker) reply(verdicts []verdict) (sent []*letter) {
	pages := make(map[string]*page)
	var outcomes []wire.Outcome // of all pages
	most := messageLimit(w.nc, replyBytes)
	for i := range verdicts {
		v := &verdicts[i]
		if !v.isReply() {
			continue
		}
		e := v.item.from.envelope
		p := pages[e.From]
		if p == nil {
			p = &page{}
			pages[e.From] = p
		}
		if outcomes == nil {
			outcomes = make([]wire.Outcome, len(verdicts))
		}
		outcomes[i] = v.outcome()
		if size := outcomes[i].Size(); p.size > 0 && p.size+size > most {
			sent = append(sent, w.mail.send(e.From, p.bytes()))
			*p = page{}
		}
		p.add(e.Number, outcomes, i)
	}
	for frontEnd, p := range pages {
		sent = append(sent, w.mail.send(frontEnd, p.bytes()))
	}
	return sent
}

// page is a reply while it is written.
type page struct {
	reports []wire.Report
	size    int
	next    int // the place after that of the last outcome
}

// add adds the outcome at place i to the report of its envelope. The outcomes
// of one come in a row, or nearly: if others are in between, it has another
// report.
func (p *page) add(number uint64, outcomes []wire.Outcome, i int) {
	p.size += outcomes[i].Size()
	last := len(p.reports) - 1
	if last < 0 || p.reports[last].Number != number || p.next != i {
		p.reports = append(p.reports, wire.Report{Number: number})
		p.size += reportBytes
		last++
	}
	r := &p.reports[last]
	r.Outcomes = outcomes[i-len(r.Outcomes) : i+1]
	p.next = i + 1
}

func (p *page) bytes() []byte {
	return wire.AppendReports(make([]byte, 0, p.size+reportBytes), p.reports...)
}

func (v *verdict) outcome() wire.Outcome {
	return wire.Outcome{Index: v.item.req.Index, Status: v.status, Data: v.data}
}
