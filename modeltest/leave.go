package modeltest

import "slices"

// This file is how requests get out of batches, by the rules of the contract.

// answer notes the answer to request id.
func (w *world) answer(id int, f fate, counter *uint64) {
	f.at = w.now
	w.answers[id] = f
	*counter++
	w.admitNext()
}

// withdraw takes request id out of batch i, which has not begun.
func (w *world) withdraw(i, id int, k kind) {
	b := &w.batches[i]
	b.gone = within(b.gone, id)
	w.answer(id, fate{kind: k}, &w.Canceled)
	if len(b.gone) == len(b.ids) {
		w.empty(i)
	}
}

// empty ends batch i, which nobody is left in. A batch by hand goes on, and
// one that a slot has taken is found empty when it would begin.
func (w *world) empty(i int) {
	b := &w.batches[i]
	switch {
	case b.phase == collecting && !w.hand:
		w.open[b.key] = none
		w.over(i, hollow)
	case b.phase == waiting:
		w.sealed[b.key] = without(w.sealed[b.key], i)
		w.over(i, hollow)
	}
}

// over ends batch i. What no longer matters is forgotten, so that worlds that
// differ in nothing else become the same.
func (w *world) over(i int, p phase) {
	b := &w.batches[i]
	b.phase, b.at, b.alarm = p, w.now, never
	b.left, b.ctx, b.ends, b.overdue, b.hurried = nil, lasts, 0, false, false
	for _, id := range b.ids {
		w.lapsed = without(w.lapsed, id)
	}
}

// leave is a caller that leaves batch i while Func runs.
func (w *world) leave(i, id int) {
	b := &w.batches[i]
	if slices.Contains(b.left, id) {
		return
	}
	b.left = within(b.left, id)
	if len(b.left) == len(b.live()) && b.ctx == lasts {
		b.ctx = forlorn
	}
}
