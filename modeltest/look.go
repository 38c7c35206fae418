package modeltest

import (
	"fmt"
	"slices"

	"github.com/gobatcher/batcher"
)

// sight is all that can be seen of reality when nothing moves.
type sight struct {
	counters
	pending, running int
	entered          []entry
	open             handle
	batches          []batchSight // by handle
	keys             int
	calls            []*call
	closers          []*closing
}

// batchSight is what a Batch says of itself.
type batchSight struct {
	state       batcher.State
	len         int
	full, ready bool
	done        bool
}

// look waits until nothing moves, and drops the worlds that are not what can
// be seen then.
func (d *driver) look() {
	if d.over() {
		return
	}
	d.quiesce()
	if d.explore(settle); d.lost {
		return
	}
	s := d.see()
	for _, e := range s.entered {
		d.note("  %v", e)
	}
	d.keep(func(w *world) string { return d.compare(w, s) })
	for _, w := range d.worlds {
		w.begun = nil
	}
}

// keep drops the worlds in which compare finds a fault. It is one if none is
// left.
func (d *driver) keep(compare func(*world) string) {
	var kept []*world
	fault := ""
	for _, w := range d.worlds {
		if f := compare(w); f == "" {
			kept = append(kept, w)
		} else {
			fault = f
		}
	}
	d.check(len(kept) > 0, "at %v: %s (none of %d possible worlds agrees)", d.now, fault, len(d.worlds))
	if len(kept) > 0 {
		d.worlds = kept
	}
}

func (d *driver) see() sight {
	s := sight{calls: d.calls, closers: d.closers}
	for _, c := range d.calls {
		if c.watch == WatchPoll && c.known && c.reply == nil {
			d.poll(c)
		}
	}
	if d.subject != nil {
		stats := d.Stats()
		s.counters, s.pending, s.running = countersOf(stats), stats.Pending, stats.Running
	}
	if d.batcher != nil {
		s.open = d.batcher.Current()
	}
	if d.keyed != nil {
		s.keys = d.keyed.Len()
	}
	for _, b := range d.handles {
		s.batches = append(s.batches, seeBatch(b))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	s.entered, d.entered = d.entered, nil
	return s
}

func seeBatch(b handle) batchSight {
	return batchSight{state: b.State(), len: b.Len(), full: b.Full(), ready: b.Ready(), done: isDone(b.Done())}
}

func isDone(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

func countersOf(s batcher.Stats) counters {
	c := counters{Submitted: s.Submitted, Rejected: s.Rejected, Succeeded: s.Succeeded, Failed: s.Failed, Canceled: s.Canceled, Batches: s.Batches}
	for t := range c.Started {
		c.Started[t] = s.Started(batcher.Trigger(t))
	}
	return c
}

// compare returns the first difference between w and s, or "".
func (d *driver) compare(w *world, s sight) string {
	for _, differ := range []func(*driver, *world, sight) string{compareBegun, compareReplies, compareStats, compareOpen, compareHandles, compareClosers, compareKeys} {
		if fault := differ(d, w, s); fault != "" {
			return fault
		}
	}
	return ""
}

func compareStats(d *driver, w *world, s sight) string {
	switch {
	case d.subject == nil:
		return ""
	case s.counters != w.counters:
		return fmt.Sprintf("Stats are %+v, want %+v", s.counters, w.counters)
	case s.pending != w.pending() || s.running != w.inFunc():
		return fmt.Sprintf("Stats: %d pending and %d running, want %d and %d", s.pending, s.running, w.pending(), w.inFunc())
	}
	return ""
}

// compareBegun compares the batches that have begun: in their order if there
// is one slot.
func compareBegun(d *driver, w *world, s sight) string {
	begun, entered := slices.Clone(w.begun), slices.Clone(s.entered)
	first := func(i int) int { return w.batches[i].live()[0] }
	if w.slots != 1 {
		slices.SortFunc(begun, func(a, b int) int { return first(a) - first(b) })
		slices.SortFunc(entered, func(a, b entry) int { return a.ids[0] - b.ids[0] })
	}
	for n, i := range begun {
		b := &w.batches[i]
		if n >= len(entered) {
			return fmt.Sprintf("Func should have got %v by %v", b.live(), b.trigger)
		}
		if fault := d.compareEntry(w, b, entered[n]); fault != "" {
			return fault
		}
	}
	if len(entered) > len(begun) {
		return fmt.Sprintf("%v, which it should not", entered[len(begun)])
	}
	return ""
}

func (d *driver) compareEntry(w *world, b *batch, e entry) string {
	weight, live := 0, b.live()
	for _, id := range live {
		weight += w.weighs(id)
	}
	opened := e.Opened.Sub(d.start)
	switch {
	case !slices.Equal(e.ids, live) || e.key != b.key:
		return fmt.Sprintf("%v, want %v of key %d", e, live, b.key)
	case e.Trigger != b.trigger || e.Weight != weight || opened != b.opened:
		return fmt.Sprintf("%v, want %v, weight %d, opened %v", e, b.trigger, weight, b.opened)
	case b.phase == running && e.at != b.at:
		return fmt.Sprintf("%v at %v, want %v", e, e.at, b.at)
	}
	return ""
}

func compareReplies(d *driver, w *world, s sight) string {
	for id, c := range s.calls {
		want := w.reply(id)
		switch {
		case c.watch == WatchLate && !c.do:
		case c.reply == nil && want.kind != pending:
			return fmt.Sprintf("#%d has no answer, want %v", id, want)
		case c.reply == nil:
		case !want.is(id, c.cause, c.reply.value, c.reply.err):
			return fmt.Sprintf("#%d got %d, %v, want %v", id, c.reply.value, c.reply.err, want)
		case c.watch != WatchPoll && c.reply.at != want.at:
			return fmt.Sprintf("#%d got its answer at %v, want %v", id, c.reply.at, want)
		}
	}
	return ""
}

func compareOpen(d *driver, w *world, s sight) string {
	if d.batcher == nil || (s.open == nil) == (w.open[0] == none) {
		return ""
	}
	return fmt.Sprintf("Current is nil: %v, want %v", s.open == nil, w.open[0] == none)
}

func compareHandles(d *driver, w *world, s sight) string {
	for h, is := range s.batches {
		b := &w.batches[w.handles[h]]
		want := batchSight{state: w.stateOf(b), len: w.size(b), full: is.full, done: b.phase >= done}
		want.ready = want.state == batcher.StateReady
		switch b.phase {
		case hollow:
			if is.state == batcher.StateDone {
				want.state = is.state // without requests it may be either
			}
		case collecting:
			want.full = w.size(b) >= w.maxSize || w.weight(b) >= w.maxWeight
		}
		if is != want {
			return fmt.Sprintf("handle %d is %+v, want %+v", h, is, want)
		}
	}
	return ""
}

func (w *world) stateOf(b *batch) batcher.State {
	switch b.phase {
	case collecting:
		if w.size(b) >= w.ready {
			return batcher.StateReady
		}
		return batcher.StateOpen
	case waiting, taken:
		return batcher.StateStarted
	case running:
		return batcher.StateRunning
	case done:
		return batcher.StateDone
	}
	return batcher.StateCanceled
}

func compareClosers(d *driver, w *world, s sight) string {
	for n, is := range s.closers {
		want := w.closers[n]
		switch {
		case is.returned != want.returned:
			return fmt.Sprintf("close %d has returned: %v, want %v", n, is.returned, want.returned)
		case is.returned && ((is.err != nil) != want.gaveUp || is.at != want.at):
			return fmt.Sprintf("close %d returned %v at %v, want at %v, out of time: %v", n, is.err, is.at, want.at, want.gaveUp)
		case is.err != nil && is.err != error(causeError(-2)):
			return fmt.Sprintf("close %d returned %v, want its context's cause", n, is.err)
		}
	}
	return ""
}

// compareKeys counts the keys that hold a batch.
func compareKeys(d *driver, w *world, s sight) string {
	if d.keyed == nil {
		return ""
	}
	n := 0
	for k := range keys {
		if slices.ContainsFunc(w.batches, func(b batch) bool { return b.key == k && b.phase < done }) {
			n++
		}
	}
	if s.keys != n {
		return fmt.Sprintf("Len is %d, want %d", s.keys, n)
	}
	return ""
}
