package modeltest

// mostMade bounds how many worlds are made of what happens at one instant. Each
// thing that may happen before or after others doubles them: a plan in 5,000
// comes to more, and some would take minutes.
const mostMade = 10_000

// reach returns the worlds and all that may have become of them by now, those
// in which more is to come included. It gives none if they are too many.
func reach(from []*world) (all []*world) {
	seen := sameWorlds{}
	for made := 0; len(from) > 0; {
		w := from[len(from)-1]
		from = from[:len(from)-1]
		steps := append(w.steps(), w.options()...)
		if seen.has(w, len(from) == 0 && len(steps) == 0) {
			continue
		}
		if made += len(steps); made > mostMade {
			return nil
		}
		all = append(all, w)
		for _, s := range steps {
			from = append(from, w.after(s))
		}
	}
	return all
}

// settle returns what becomes of the worlds when all has happened that happens
// by itself. It gives none if too many worlds lie between.
func settle(from []*world) (quiet []*world) {
	seen := sameWorlds{}
	for made := 0; len(from) > 0; {
		w := from[len(from)-1]
		from = from[:len(from)-1]
		steps, options := w.steps(), w.options()
		switch {
		case len(options) == 0 && w.anyOrderWillDo(steps):
			from = append(from, w.after(steps[0]))
			continue
		case seen.has(w, len(from)+len(steps)+len(options) == 0):
			continue
		case len(steps) == 0:
			quiet = append(quiet, w)
		}
		if made += len(steps) + len(options); made > mostMade {
			return nil
		}
		for _, s := range append(steps, options...) {
			from = append(from, w.after(s))
		}
	}
	return quiet
}

// sameWorlds finds worlds that have been looked at already.
type sameWorlds map[string]bool

// has notes w, and reports whether a world like it was noted before. The last
// one need not be noted, which saves most of the work: mostly there is only one.
func (seen sameWorlds) has(w *world, last bool) bool {
	if last && len(seen) == 0 {
		return false
	}
	id := w.id()
	before := seen[id]
	seen[id] = true
	return before
}

func (w *world) after(s step) *world {
	c := w.clone()
	s.do(c)
	c.tidy()
	return c
}

// anyOrderWillDo reports whether the order of steps makes no difference to
// what becomes of w; it saves looking at all of them.
func (w *world) anyOrderWillDo(steps []step) bool {
	if len(steps) <= 1 {
		return len(steps) == 1
	}
	moves := map[move]int{}
	for _, s := range steps {
		moves[s.move]++
	}
	switch len(steps) {
	case moves[leaves]:
		return len(w.line) == 0
	case moves[takes] + moves[begins]:
		return moves[takes] <= 1 || w.slots > len(w.batches) && !w.lingers
	}
	return false
}

// next returns the next instant at which something may happen by itself.
func (w *world) next() instant {
	at := never
	consider := func(t instant) {
		if t > w.now {
			at = min(at, t)
		}
	}
	for _, id := range w.line {
		consider(w.asks[id].deadline)
	}
	for i := range w.batches {
		if b := &w.batches[i]; b.phase < done {
			w.considerBatch(b, consider)
		}
	}
	for _, c := range w.closers {
		if !c.returned {
			consider(c.until)
		}
	}
	return at
}

func (w *world) considerBatch(b *batch, consider func(instant)) {
	consider(b.alarm)
	if b.phase == running {
		consider(b.ends)
	}
	for _, id := range b.live() {
		consider(w.asks[id].deadline)
	}
}
