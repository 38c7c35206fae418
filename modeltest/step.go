package modeltest

import "slices"

// move is a kind of step.
type move uint8

const (
	enters  move = iota // a caller comes in, or gives up
	lapses              // the deadline of a request's context strikes
	rings               // a batch's delay has passed
	leaves              // a caller whose context has ended withdraws or leaves
	takes               // a slot takes a batch
	begins              // Func is entered
	returns             // Func returns, or its deadline strikes
	closes              // Close or Shutdown returns
)

// step is something that happens by itself, now. Where there are several,
// they happen in any order.
type step struct {
	move
	do func(*world)
}

// steps are all that is to happen next.
func (w *world) steps() (all []step) {
	add := func(m move, do func(*world)) { all = append(all, step{m, do}) }
	w.callerSteps(add)
	for i := range w.batches {
		if b := &w.batches[i]; b.phase < done {
			w.memberSteps(i, add)
			w.batchSteps(i, add)
		}
	}
	if w.busy() < w.slots {
		for k := range keys {
			if w.mayTake(k) {
				for _, t := range w.reasons(k) {
					add(takes, func(w *world) { w.take(k, t) })
				}
			}
		}
	}
	w.closerSteps(add)
	return all
}

func (w *world) callerSteps(add func(move, func(*world))) {
	for _, id := range w.coming {
		add(enters, func(w *world) {
			w.coming = without(w.coming, id)
			w.submit(id, true)
		})
	}
	for _, id := range w.let {
		add(enters, func(w *world) { w.enterFromLine(id) })
	}
	for _, id := range w.line {
		if w.hasEnded(id) {
			add(enters, func(w *world) {
				w.line = without(w.line, id)
				w.refuse(id, ctxEnded)
			})
		}
	}
	for _, ids := range [][]int{w.coming, w.let, w.line} {
		w.lapseSteps(ids, add)
	}
}

func (w *world) enterFromLine(id int) {
	w.let = without(w.let, id)
	if why := w.refusals(id); why != 0 {
		w.refuse(id, why)
	} else {
		w.enter(id)
	}
	w.admitNext()
}

func (w *world) lapseSteps(ids []int, add func(move, func(*world))) {
	for _, id := range ids {
		if w.asks[id].deadline <= w.now && !slices.Contains(w.lapsed, id) {
			add(lapses, func(w *world) { w.lapsed = within(w.lapsed, id) })
		}
	}
}

// memberSteps are what the ending of its callers' contexts does to batch i.
func (w *world) memberSteps(i int, add func(move, func(*world))) {
	b := &w.batches[i]
	live := b.live()
	w.lapseSteps(live, add)
	for _, id := range live {
		switch {
		case !w.hasEnded(id):
		case b.phase < running:
			add(leaves, func(w *world) { w.withdraw(i, id, ended) })
		case w.asks[id].do && !slices.Contains(b.left, id):
			add(leaves, func(w *world) {
				w.freed[id] = fate{kind: ended, at: w.now}
				w.leave(i, id)
			})
		}
	}
}

func (w *world) batchSteps(i int, add func(move, func(*world))) {
	b := &w.batches[i]
	switch b.phase {
	case collecting:
		if b.alarm <= w.now {
			add(rings, func(w *world) { w.batches[i].overdue, w.batches[i].alarm = true, never })
		}
	case taken:
		add(begins, func(w *world) { w.begin(i) })
	case running:
		heeds := w.asks[b.live()[0]].Act.heeds()
		if heeds && b.ctx != struck && w.deadline(b) <= w.now {
			add(returns, func(w *world) { w.batches[i].ctx = struck })
		}
		if heeds && b.ctx != lasts {
			add(returns, func(w *world) { w.finish(i, false) })
		}
		if b.ends <= w.now {
			add(returns, func(w *world) { w.finish(i, true) })
		}
	}
}

// options are what may happen next or not: a batch that waits for company may
// start early to meet a request's deadline. How early is not said, since it
// depends on how long Func is expected to run.
func (w *world) options() (all []step) {
	for _, i := range w.open {
		if i == none || !w.lingers || w.batches[i].hurried {
			continue
		}
		hasDeadline := func(id int) bool { return w.asks[id].deadline < never && w.asks[id].deadline > w.now }
		if slices.ContainsFunc(w.batches[i].ids, hasDeadline) {
			all = append(all, step{rings, func(w *world) { w.batches[i].hurried = true }})
		}
	}
	return all
}

// deadline is that of Func's context: the latest of its callers'.
func (w *world) deadline(b *batch) (latest instant) {
	for _, id := range b.live() {
		latest = max(latest, w.asks[id].deadline)
	}
	return latest
}

func (w *world) closerSteps(add func(move, func(*world))) {
	for n, c := range w.closers {
		if c.returned {
			continue
		}
		if w.drained() {
			add(closes, func(w *world) { w.closers[n].returned, w.closers[n].at = true, w.now })
		}
		if c.until <= w.now {
			add(closes, func(w *world) {
				w.closers[n].returned, w.closers[n].gaveUp, w.closers[n].at = true, true, w.now
				w.abandon()
			})
		}
	}
}
