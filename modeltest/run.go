package modeltest

import "github.com/gobatcher/batcher"

// This file is how batches run, by the rules of the contract.

// take gives a free slot the next batch of key k; t is why.
func (w *world) take(k int, t batcher.Trigger) {
	i := w.open[k]
	if len(w.sealed[k]) > 0 {
		i = w.sealed[k][0]
		w.sealed[k] = w.sealed[k][1:]
	} else {
		w.open[k] = none
	}
	b := &w.batches[i]
	b.phase, b.trigger, b.alarm = taken, t, never
	for _, id := range b.live() {
		if w.hasEnded(id) {
			w.withdraw(i, id, ended)
		}
	}
	if len(b.live()) == 0 {
		w.over(i, hollow)
		return
	}
	w.turn(k)
}

// reasons are why the next batch of key k, which is due, may take a slot.
// Which of them counts where both times have come is not said.
func (w *world) reasons(k int) (why []batcher.Trigger) {
	if len(w.sealed[k]) > 0 {
		return []batcher.Trigger{w.batches[w.sealed[k][0]].trigger}
	}
	b := &w.batches[w.open[k]]
	if w.size(b) >= w.enough {
		return []batcher.Trigger{batcher.TriggerIdle}
	}
	if b.overdue {
		why = append(why, batcher.TriggerDelay)
	}
	if b.hurried {
		why = append(why, batcher.TriggerDeadline)
	}
	return why
}

// turn notes that key k went first.
func (w *world) turn(k int) {
	for other := range keys {
		w.passed[other][k]++
	}
	w.passed[k] = [keys]int{}
}

// tidy forgets how long keys waited that no longer wait.
func (w *world) tidy() {
	for k := range keys {
		if !w.isDue(k) {
			w.passed[k] = [keys]int{}
		}
	}
}

// mayTake reports whether the turns let key k go first: it must not have gone
// ahead of a key that waits already.
func (w *world) mayTake(k int) bool {
	for other := range keys {
		if other != k && w.isDue(other) && w.passed[other][k] > 0 {
			return false
		}
	}
	return w.isDue(k)
}

// begin enters batch i into Func.
func (w *world) begin(i int) {
	b := &w.batches[i]
	switch {
	case len(b.live()) == 0:
		w.over(i, hollow)
		return
	case w.abandoned:
		w.fail(i, closed, &w.Failed)
		return
	}
	first := w.asks[b.live()[0]]
	b.phase, b.at, b.ends = running, w.now, w.now+first.Run
	if first.Act.hangs() {
		b.ends = never
	}
	w.Batches++
	w.Started[b.trigger]++
	if w.slots == 1 {
		w.begun = with(w.begun, i)
	} else {
		w.begun = within(w.begun, i)
	}
}

// fail ends batch i, which never runs.
func (w *world) fail(i int, k kind, counter *uint64) {
	b := &w.batches[i]
	live := b.live()
	b.own = fate{kind: k}
	w.over(i, aborted)
	for _, id := range live {
		w.answer(id, fate{kind: k}, counter)
	}
}

// finish is Func's return: by itself, or because its context has ended.
func (w *world) finish(i int, byItself bool) {
	b := &w.batches[i]
	ctx := b.ctx
	w.over(i, done)
	reqs := w.requests(b.live())
	verdict := func(n int) fate {
		switch {
		case byItself:
			return behaviors[reqs[0].Act].fate(reqs, n)
		case ctx == struck:
			return fate{kind: late}
		default:
			return fate{kind: disowned}
		}
	}
	for n := range reqs {
		f := verdict(n)
		counter := &w.Failed
		if f.kind == fine {
			counter = &w.Succeeded
		}
		w.answer(reqs[n].ID, f, counter)
	}
	if f := verdict(0); behaviors[reqs[0].Act].whole && f.kind != fine {
		b.own = f
	}
}

func (w *world) requests(ids []int) (reqs []Request) {
	for _, id := range ids {
		reqs = append(reqs, w.asks[id].Request)
	}
	return reqs
}

// abandon is Shutdown running out of time.
func (w *world) abandon() {
	w.abandoned = true
	for i := range w.batches {
		switch b := &w.batches[i]; {
		case b.phase == waiting:
			w.fail(i, closed, &w.Failed)
		case b.phase == running && b.ctx == lasts:
			b.ctx = forlorn
		}
	}
	w.sealed = [keys][]int{}
}

// close is Close, or the beginning of Shutdown.
func (w *world) close() {
	w.closed = true
	for _, id := range w.line {
		w.refuse(id, isClosed|w.refusals(id))
	}
	w.line = nil
	for k, i := range w.open {
		switch {
		case i == none:
		case w.strict && w.size(&w.batches[i]) < w.ready:
			w.open[k] = none
			w.fail(i, closed, &w.Failed)
		default:
			w.seal(i, batcher.TriggerClose)
		}
	}
}
