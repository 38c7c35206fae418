package batcher

import "sort"

// This file makes a batch that waited as large as the size limit is when a
// slot takes it, if TargetTime has moved the limit meanwhile. What is too much
// stays in line, what is missing comes from the batches behind. Otherwise a new
// limit would take effect only when all batches that were full before have run:
// with 30 batches waiting, the search for the limit had not ended after 100.
//
// Requests move only into the batch that a slot takes, so each moves at most
// once, and only from the front of another. No requests have moved out of a
// batch into which others move: else, as long as full batches wait, each would
// keep the one after it, with its results, and so all that have ever run.
// All of it is called with owner.mu held.

// part is a stretch of places whose requests have moved to another batch.
type part[Req, Res any] struct {
	start, end int // from the first place to that after the last one
	to         *Batch[Req, Res]
	shift      int // from a place to the place in to
}

// locate returns the batch that request i is in now, and its place there.
func (b *Batch[Req, Res]) locate(i int) (*Batch[Req, Res], int) {
	if b.more == nil || i >= b.more.head {
		return b, i
	}
	parts := b.more.parts
	n := sort.Search(len(parts), func(n int) bool { return i < parts[n].end })
	if n == len(parts) || i < parts[n].start {
		return b, i // it was withdrawn before
	}
	return parts[n].to, i + parts[n].shift
}

// fit returns what a slot runs in place of batch, which no longer collects and
// is in no list: as many requests as the limit says, if there are that many. A
// batch that Current has returned stays as it is.
func (b *Batcher[Req, Res]) fit(batch *Batch[Req, Res]) *Batch[Req, Res] {
	missing := b.limit - batch.waiting()
	switch {
	case batch.shown:
	case missing < 0:
		if n := batch.affords(b.limit, false); n >= b.ready {
			front := b.front(batch, n)
			b.resume(batch)
			return front
		}
	case batch.trigger == TriggerSize && missing > 0:
		if rest := batch; rest.more != nil && rest.more.parts != nil {
			batch = b.front(rest, rest.waiting())
			rest.fail(ErrCanceled, &b.stats.Canceled) // it is empty now
		}
		b.fill(batch, missing)
	}
	return batch
}

// front moves the first n requests that wait in batch to a new one.
func (b *Batcher[Req, Res]) front(batch *Batch[Req, Res], n int) *Batch[Req, Res] {
	front := makeBatch(b)
	front.trigger, front.opened = batch.trigger, batch.opened
	front.setState(StateStarted)
	front.draw(batch, n)
	return front
}

// resume puts a batch back at the head of the line.
func (b *Batcher[Req, Res]) resume(batch *Batch[Req, Res]) {
	b.sealed.pushFront(batch)
	b.inLine++
	b.addDue(1)
}

// fill moves up to n requests into batch from the batches behind it that were
// full too, and then from the open one.
func (b *Batcher[Req, Res]) fill(batch *Batch[Req, Res], n int) {
	for n > 0 {
		next := b.sealed.first
		if next == nil {
			next = b.open
		}
		if next == nil || next.shown || next != b.open && next.trigger != TriggerSize {
			return
		}
		n -= batch.draw(next, next.affords(n, !batch.overloads(next.weight())))
		if next.waiting() > 0 {
			if next == b.open {
				b.review(next)
			}
			return
		}
		next.abort(ErrCanceled, &b.stats.Canceled) // it is empty now
	}
}

// affords returns how many requests, up to n, may move: a StrictSize batch that
// no longer collects keeps MinSize, unless all move. fits says whether MaxWeight
// lets all of them.
func (b *Batch[Req, Res]) affords(n int, fits bool) int {
	if left := b.waiting(); (n < left || !fits) && b.owner.strict && b != b.owner.open {
		n = min(n, left-b.owner.ready)
	}
	return n
}

// draw moves the first n requests that wait in from into b, or as many as
// MaxWeight lets b take, and returns their number.
func (b *Batch[Req, Res]) draw(from *Batch[Req, Res], n int) (drawn int) {
	m := from.extra()
	for ; m.head < from.size && drawn < n; m.head++ {
		i, e := m.head, entry{weight: from.weightOf(m.head)}
		if from.isGone(i) {
			continue
		}
		if b.overloads(e.weight) {
			break
		}
		if from.ctxs != nil {
			e.ctx = from.ctxs[i]
		}
		m.move(i, b)
		b.add(e, 0, from.reqs[i])
		var none Req
		from.reqs[i] = none
		from.lighten(i)
		drawn++
	}
	b.known, b.watchful = b.known || from.known, b.watchful || from.watchful
	if drawn > 0 {
		from.disperse()
	}
	return drawn
}

// move notes that request i becomes the next one of to, and hands over its own
// signal, if it has one.
func (m *more[Req, Res]) move(i int, to *Batch[Req, Res]) {
	shift, n := to.size-i, len(m.parts)
	if n == 0 || m.parts[n-1] != (part[Req, Res]{m.parts[n-1].start, i, to, shift}) {
		m.parts = append(m.parts, part[Req, Res]{i, i, to, shift})
		n++
	}
	m.parts[n-1].end++
	m.moved++
	if c := m.own[i]; c != nil {
		delete(m.own, i)
		to.adopt(to.size, c)
	}
}
