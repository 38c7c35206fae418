package batcher

// batchList is a list of batches. A batch is in one list at most. Its owner's
// lock guards it.
type batchList[Req, Res any] struct{ first, last *Batch[Req, Res] }

func (l *batchList[Req, Res]) push(b *Batch[Req, Res]) {
	b.prev, b.next = l.last, nil
	if l.last == nil {
		l.first = b
	} else {
		l.last.next = b
	}
	l.last = b
}

func (l *batchList[Req, Res]) pushFront(b *Batch[Req, Res]) {
	b.prev, b.next = nil, l.first
	if l.first == nil {
		l.last = b
	} else {
		l.first.prev = b
	}
	l.first = b
}

func (l *batchList[Req, Res]) remove(b *Batch[Req, Res]) {
	if b.prev == nil {
		l.first = b.next
	} else {
		b.prev.next = b.next
	}
	if b.next == nil {
		l.last = b.prev
	} else {
		b.next.prev = b.prev
	}
	b.prev, b.next = nil, nil
}

// turns is the line of Batchers that have due batches: when its turn comes, a
// Batcher has one batch run and goes to the end of the line. Its owner's lock
// guards it.
type turns[Req, Res any] struct{ first, last *Batcher[Req, Res] }

// add puts b at the end, unless it is in line already.
func (t *turns[Req, Res]) add(b *Batcher[Req, Res]) {
	if b.queued {
		return
	}
	b.queued, b.ahead = true, t.last
	if t.last == nil {
		t.first = b
	} else {
		t.last.behind = b
	}
	t.last = b
}

// remove takes b out of the line, if it is in it.
func (t *turns[Req, Res]) remove(b *Batcher[Req, Res]) {
	if !b.queued {
		return
	}
	if b.ahead == nil {
		t.first = b.behind
	} else {
		b.ahead.behind = b.behind
	}
	if b.behind == nil {
		t.last = b.ahead
	} else {
		b.behind.ahead = b.ahead
	}
	b.queued, b.ahead, b.behind = false, nil, nil
}
