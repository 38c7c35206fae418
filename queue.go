package batcher

// batchList is a list of batches, each of which is in one list at most. Its
// owner's lock guards it.
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

// turns is the line of Batchers that have due batches: whose turn it is gets
// one batch run and stands at the end again. Its owner's lock guards it.
type turns[Req, Res any] struct{ first, last *Batcher[Req, Res] }

// add puts b at the end, unless it stands in line.
func (t *turns[Req, Res]) add(b *Batcher[Req, Res]) {
	if b.queued {
		return
	}
	b.queued = true
	if t.last == nil {
		t.first = b
	} else {
		t.last.behind = b
	}
	t.last = b
}

// next takes the first that still has a due batch out of the line; nil if none has.
func (t *turns[Req, Res]) next() *Batcher[Req, Res] {
	for t.first != nil {
		b := t.first
		t.first, b.behind, b.queued = b.behind, nil, false
		if t.first == nil {
			t.last = nil
		}
		if b.due > 0 {
			return b
		}
	}
	return nil
}
