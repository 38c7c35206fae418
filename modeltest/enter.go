package modeltest

import "github.com/gobatcher/batcher"

// This file is how requests get into batches, by the rules of the contract.

// refuse answers request id, which was not accepted.
func (w *world) refuse(id int, why refusal) {
	w.answers[id] = fate{kind: refused, got: int(why), at: w.now}
	w.lapsed = without(w.lapsed, id)
	w.Rejected++
}

// refusals are the reasons to refuse request id, room aside.
func (w *world) refusals(id int) (why refusal) {
	if w.weighs(id) > w.maxWeight {
		why |= tooHeavy
	}
	if w.hasEnded(id) {
		why |= ctxEnded
	}
	if w.closed {
		why |= isClosed
	}
	return why
}

// submit is Submit, or TrySubmit if it must not wait for room.
func (w *world) submit(id int, wait bool) {
	why := w.refusals(id)
	full := w.isFull()
	if full && !wait {
		why |= isFull
	}
	switch {
	case why != 0:
		w.refuse(id, why)
	case full:
		w.line = with(w.line, id)
	default:
		w.enter(id)
	}
}

// enter puts request id into the open batch, or a new one.
func (w *world) enter(id int) {
	k := w.asks[id].Key
	if i := w.open[k]; i != none && w.overflows(i, id) {
		w.seal(i, batcher.TriggerWeight)
	}
	if w.open[k] == none {
		w.open[k] = len(w.batches)
		w.batches = append(w.batches, batch{key: k, alarm: never})
	}
	w.join(w.open[k], id)
}

// overflows is careful: MaxWeight may be the largest int.
func (w *world) overflows(i, id int) bool {
	return w.weighs(id) > w.maxWeight-w.weight(&w.batches[i])
}

func (w *world) join(i, id int) {
	b := &w.batches[i]
	if len(b.ids) == 0 {
		b.opened = w.now
		if w.delay > 0 && b.alarm == never {
			b.alarm = w.now + w.delay
		}
	}
	b.ids = with(b.ids, id)
	w.Submitted++
	w.sealIfFull(i)
}

func (w *world) sealIfFull(i int) {
	b := &w.batches[i]
	switch {
	case !w.fullGoes:
	case w.size(b) >= w.maxSize:
		w.seal(i, batcher.TriggerSize)
	case w.weight(b) >= w.maxWeight:
		w.seal(i, batcher.TriggerWeight)
	}
}

// seal starts batch i, which waits for a slot.
func (w *world) seal(i int, t batcher.Trigger) {
	b := &w.batches[i]
	w.open[b.key] = none
	b.phase, b.trigger, b.alarm = waiting, t, never
	w.sealed[b.key] = with(w.sealed[b.key], i)
}

// admitNext gives room to the first that waits for it, unless one that was given
// room has yet to enter.
func (w *world) admitNext() {
	if len(w.line) > 0 && len(w.let) == 0 && w.hasRoom() {
		w.let = with(w.let, w.line[0])
		w.line = w.line[1:]
	}
}
